#include "frontend/config.h"

#include <algorithm>
#include <cmath>

#include "frontend/config_readers.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint32_t kMaximumHeadDim = 1024;

Status check(const DecoderConfig& config, const std::string& file) {
  if (config.kv_heads > config.heads || config.heads % config.kv_heads != 0)
    return corrupt(join(file, ": ", config.heads, " heads cannot share ", config.kv_heads, " key and value heads."));
  if (config.head_dim % 2 != 0 || config.head_dim > kMaximumHeadDim)
    return unsupported(join(file, ": the head size is ", config.head_dim, "; an even number up to ", kMaximumHeadDim,
                            " was expected."));
  if (!(config.rms_eps > 0) || !std::isfinite(config.rms_eps))
    return corrupt(join(file, ": the epsilon of the norms must be positive, it is ", config.rms_eps, "."));
  for (uint32_t id : config.eos_ids)
    if (id >= config.vocabulary)
      return corrupt(join(file, ": the end-of-text token ", id, " is not among the ", config.vocabulary, " tokens."));
  if (config.bos_id.value_or(0) >= config.vocabulary)
    return corrupt(
        join(file, ": the begin-of-text token ", *config.bos_id, " is not among the ", config.vocabulary, " tokens."));
  return Done{};
}

}  // namespace

Result<uint32_t> checked_count(uint64_t value, uint64_t limit, const std::string& file, std::string_view what) {
  if (value == 0 || value > limit)
    return corrupt(join(file, ": ", what, " must be between 1 and ", limit, ", it is ", value, "."));
  return uint32_t(value);
}

void add_eos(DecoderConfig& config, uint32_t id) {
  if (std::find(config.eos_ids.begin(), config.eos_ids.end(), id) == config.eos_ids.end()) config.eos_ids.push_back(id);
}

Result<DecoderConfig> DecoderConfig::from(const Checkpoint& checkpoint) {
  const bool gguf = checkpoint.kind() == Checkpoint::Kind::gguf;
  LK_ASSIGN(DecoderConfig config, gguf ? config_from_gguf(checkpoint) : config_from_huggingface(checkpoint));
  LK_TRY(check(config, checkpoint.path().string()));
  return config;
}

}  // namespace lorikeet
