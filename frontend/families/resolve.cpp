#include "frontend/families/resolve.h"

#include "runtime/base/text.h"

namespace lorikeet {

bool has_role(const DecoderConfig& config, WeightRole role) {
  switch (role) {
    case WeightRole::q_bias:
    case WeightRole::k_bias:
    case WeightRole::v_bias:
      return config.qkv_bias;
    case WeightRole::o_bias:
      return config.o_bias;
    default:
      return true;
  }
}

std::vector<uint64_t> expected_shape(const DecoderConfig& config, WeightRole role) {
  const uint64_t hidden = config.hidden, queries = uint64_t(config.heads) * config.head_dim,
                 keys = uint64_t(config.kv_heads) * config.head_dim, intermediate = config.intermediate;
  switch (role) {
    case WeightRole::token_embedding:
    case WeightRole::output:
      return {config.vocabulary, hidden};
    case WeightRole::output_norm:
    case WeightRole::attn_norm:
    case WeightRole::ffn_norm:
    case WeightRole::o_bias:
      return {hidden};
    case WeightRole::q:
      return {queries, hidden};
    case WeightRole::k:
    case WeightRole::v:
      return {keys, hidden};
    case WeightRole::o:
      return {hidden, queries};
    case WeightRole::q_bias:
      return {queries};
    case WeightRole::k_bias:
    case WeightRole::v_bias:
      return {keys};
    case WeightRole::gate:
    case WeightRole::up:
      return {intermediate, hidden};
    case WeightRole::down:
      return {hidden, intermediate};
  }
  return {};
}

Result<WeightRef> resolve(const Checkpoint& checkpoint, const DecoderConfig& config, uint32_t layer, WeightRole role) {
  if (role == WeightRole::output && config.tied_embeddings) role = WeightRole::token_embedding;
  const bool gguf = checkpoint.kind() == Checkpoint::Kind::gguf;
  const std::string name = weight_name(*config.family, role, layer, gguf ? Naming::gguf : Naming::huggingface);
  const std::vector<uint64_t> shape = expected_shape(config, role);
  const TensorInfo* tensor = checkpoint.find(name);
  if (!tensor)
    return not_found(
        join(checkpoint.path().string(), ": tensor ", name, " of shape ", shape_text(shape), " is missing."));
  if (tensor->shape != shape)
    return corrupt(join(checkpoint.path().string(), ": tensor ", name, " must have the shape ", shape_text(shape),
                        ", it has ", shape_text(tensor->shape), "."));
  WeightRef weight{tensor, role, 0};
  const bool rotary =
      role == WeightRole::q || role == WeightRole::k || role == WeightRole::q_bias || role == WeightRole::k_bias;
  if (gguf && config.family->permuted_qk && rotary) weight.permuted_head_dim = config.head_dim;
  return weight;
}

Status check_weights(const Checkpoint& checkpoint, const DecoderConfig& config) {
  for (const WeightName& weight : config.family->weights) {
    if (!has_role(config, weight.role)) continue;
    const uint32_t layers = is_layer_weight(weight.role) ? config.layers : 1;
    for (uint32_t layer = 0; layer < layers; ++layer) LK_TRY(resolve(checkpoint, config, layer, weight.role));
  }
  return Done{};
}

}  // namespace lorikeet
