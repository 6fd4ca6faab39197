#include "frontend/adapters/adapter_base.h"

#include <filesystem>
#include <system_error>

#include "frontend/checkpoint/checkpoint_hash.h"
#include "frontend/families/resolve.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr WeightRole kRoles[] = {WeightRole::q,    WeightRole::k,    WeightRole::v, WeightRole::o,
                                 WeightRole::gate, WeightRole::down, WeightRole::up};

// "model.layers.3.self_attn.q_proj.weight" -> "self_attn.q_proj"
std::string module_of(const std::string& weight, uint32_t layer) {
  const std::string number = join(".", layer, ".");
  const size_t begin = weight.find(number) + number.size();
  return weight.substr(begin, weight.rfind('.') - begin);
}

}  // namespace

AdapterBase adapter_base(const DecoderConfig& config) {
  AdapterBase base;
  base.layers = config.layers;
  base.hidden = config.hidden;
  for (uint32_t layer = 0; layer < config.layers; ++layer)
    for (WeightRole role : kRoles) {
      if (!has_role(config, role)) continue;  // a factored network is no linear layer
      const std::string weight = weight_name(*config.family, role, layer, Naming::huggingface);
      const std::vector<uint64_t> shape = expected_shape(config, role);
      base.linears.push_back({layer, role, module_of(weight, layer), uint32_t(shape[1]), uint32_t(shape[0])});
    }
  return base;
}

AdapterBase adapter_base(const Checkpoint& files, const DecoderConfig& config) {
  AdapterBase base = adapter_base(config);
  base.sha256 = checkpoint_hash(files);
  std::error_code ignored;
  if (files.kind() != Checkpoint::Kind::gguf)
    base.name = std::filesystem::weakly_canonical(files.path(), ignored).string();
  return base;
}

}  // namespace lorikeet
