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
    case WeightRole::gate:
    case WeightRole::up:
    case WeightRole::down:
      return !config.factor;
    default:
      break;
  }
  if (role < WeightRole::slice_router) return true;
  if (role < WeightRole::tower_class) return config.factor.has_value();
  return config.picture && (role < WeightRole::router || config.picture->use_experts);
}

uint32_t repeats(const DecoderConfig& config, WeightRole role) {
  if (is_layer_weight(role)) return config.layers;
  if (is_tower_weight(role)) return config.picture->tower_layers;
  return 1;
}

uint32_t experts(const DecoderConfig& config, WeightRole role) {
  if (!is_expert_weight(role)) return 1;
  return is_layer_weight(role) ? config.factor->experts : config.picture->experts;
}

namespace {

std::vector<uint64_t> picture_shape(const PictureConfig& p, uint64_t hidden, WeightRole role) {
  const uint64_t tower = p.tower_hidden, inner = p.tower_intermediate;
  switch (role) {
    case WeightRole::tower_patch:
      return {tower, p.channels, p.patch, p.patch};
    case WeightRole::tower_position:
      return {uint64_t(p.positions()), tower};
    case WeightRole::tower_q:
    case WeightRole::tower_k:
    case WeightRole::tower_v:
    case WeightRole::tower_o:
      return {tower, tower};
    case WeightRole::tower_up:
      return {inner, tower};
    case WeightRole::tower_up_bias:
      return {inner};
    case WeightRole::tower_down:
      return {tower, inner};
    case WeightRole::project_in:
      return {hidden, tower};
    case WeightRole::project_out:
      return {hidden, hidden};
    case WeightRole::project_in_bias:
    case WeightRole::project_out_bias:
      return {hidden};
    case WeightRole::router:
      return {p.experts, hidden};
    case WeightRole::expert_gate:
    case WeightRole::expert_up:
      return {p.expert_intermediate, hidden};
    case WeightRole::expert_down:
      return {hidden, p.expert_intermediate};
    default:
      return {tower};  // the class token, norms and the other biases
  }
}

}  // namespace

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
    case WeightRole::slice_router:
      return {config.factor->experts, hidden};
    case WeightRole::slice_router_bias:
      return {config.factor->experts};
    case WeightRole::slice_gate:
    case WeightRole::slice_up:
      return {intermediate / config.factor->experts, hidden};
    case WeightRole::slice_down:
      return {hidden, intermediate / config.factor->experts};
    default:
      return picture_shape(*config.picture, hidden, role);
  }
}

Result<WeightRef> resolve(const Checkpoint& checkpoint, const DecoderConfig& config, uint32_t layer, WeightRole role,
                          uint32_t expert) {
  if (role == WeightRole::output && config.tied_embeddings) role = WeightRole::token_embedding;
  const bool gguf = checkpoint.kind() == Checkpoint::Kind::gguf;
  const std::string name = weight_name(*config.family, role, layer, gguf ? Naming::gguf : Naming::huggingface, expert);
  std::vector<uint64_t> shape = expected_shape(config, role);
  const bool stacked = gguf && is_expert_weight(role);
  const uint64_t first_row = stacked ? expert * shape.front() : 0;
  if (stacked) shape.insert(shape.begin(), experts(config, role));
  const TensorInfo* tensor = checkpoint.find(name);
  if (!tensor)
    return not_found(
        join(checkpoint.path().string(), ": tensor ", name, " of shape ", shape_text(shape), " is missing."));
  if (tensor->shape != shape)
    return corrupt(join(checkpoint.path().string(), ": tensor ", name, " must have the shape ", shape_text(shape),
                        ", it has ", shape_text(tensor->shape), "."));
  WeightRef weight{tensor, role, 0, first_row};
  const bool rotary =
      role == WeightRole::q || role == WeightRole::k || role == WeightRole::q_bias || role == WeightRole::k_bias;
  if (gguf && config.family->permuted_qk && rotary) weight.permuted_head_dim = config.head_dim;
  return weight;
}

Status check_weights(const Checkpoint& checkpoint, const DecoderConfig& config) {
  for (const WeightName& weight : config.family->weights) {
    if (!has_role(config, weight.role)) continue;
    for (uint32_t layer = 0; layer < repeats(config, weight.role); ++layer)
      for (uint32_t expert = 0; expert < experts(config, weight.role); ++expert)
        LK_TRY(resolve(checkpoint, config, layer, weight.role, expert));
  }
  return Done{};
}

}  // namespace lorikeet
