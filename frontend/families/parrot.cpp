// Parrot: a dense Qwen2 decoder that reads pictures through CLIP's vision tower, a projector and visual experts.
#include <array>

#include "frontend/families/dense_decoder.h"

namespace lorikeet {
namespace {

constexpr ModelType kModelTypes[] = {
    {.name = "parrot_qwen2", .context_length = 32768, .kv_heads = 32, .sliding_window = 4096},
};

#define TOWER "model.vision_tower.vision_tower.vision_model."
constexpr WeightName kPictureWeights[] = {
    {WeightRole::tower_class, "v.class_embd", TOWER "embeddings.class_embedding"},
    {WeightRole::tower_patch, "v.patch_embd.weight", TOWER "embeddings.patch_embedding.weight"},
    {WeightRole::tower_position, "v.position_embd.weight", TOWER "embeddings.position_embedding.weight"},
    {WeightRole::tower_pre_norm, "v.pre_ln.weight", TOWER "pre_layrnorm.weight"},
    {WeightRole::tower_pre_norm_bias, "v.pre_ln.bias", TOWER "pre_layrnorm.bias"},
    {WeightRole::tower_norm1, "v.blk.#.ln1.weight", TOWER "encoder.layers.#.layer_norm1.weight"},
    {WeightRole::tower_norm1_bias, "v.blk.#.ln1.bias", TOWER "encoder.layers.#.layer_norm1.bias"},
    {WeightRole::tower_q, "v.blk.#.attn_q.weight", TOWER "encoder.layers.#.self_attn.q_proj.weight"},
    {WeightRole::tower_q_bias, "v.blk.#.attn_q.bias", TOWER "encoder.layers.#.self_attn.q_proj.bias"},
    {WeightRole::tower_k, "v.blk.#.attn_k.weight", TOWER "encoder.layers.#.self_attn.k_proj.weight"},
    {WeightRole::tower_k_bias, "v.blk.#.attn_k.bias", TOWER "encoder.layers.#.self_attn.k_proj.bias"},
    {WeightRole::tower_v, "v.blk.#.attn_v.weight", TOWER "encoder.layers.#.self_attn.v_proj.weight"},
    {WeightRole::tower_v_bias, "v.blk.#.attn_v.bias", TOWER "encoder.layers.#.self_attn.v_proj.bias"},
    {WeightRole::tower_o, "v.blk.#.attn_out.weight", TOWER "encoder.layers.#.self_attn.out_proj.weight"},
    {WeightRole::tower_o_bias, "v.blk.#.attn_out.bias", TOWER "encoder.layers.#.self_attn.out_proj.bias"},
    {WeightRole::tower_norm2, "v.blk.#.ln2.weight", TOWER "encoder.layers.#.layer_norm2.weight"},
    {WeightRole::tower_norm2_bias, "v.blk.#.ln2.bias", TOWER "encoder.layers.#.layer_norm2.bias"},
    {WeightRole::tower_up, "v.blk.#.ffn_up.weight", TOWER "encoder.layers.#.mlp.fc1.weight"},
    {WeightRole::tower_up_bias, "v.blk.#.ffn_up.bias", TOWER "encoder.layers.#.mlp.fc1.bias"},
    {WeightRole::tower_down, "v.blk.#.ffn_down.weight", TOWER "encoder.layers.#.mlp.fc2.weight"},
    {WeightRole::tower_down_bias, "v.blk.#.ffn_down.bias", TOWER "encoder.layers.#.mlp.fc2.bias"},
    {WeightRole::project_in, "mm.0.weight", "model.mm_projector.0.weight"},
    {WeightRole::project_in_bias, "mm.0.bias", "model.mm_projector.0.bias"},
    {WeightRole::project_out, "mm.2.weight", "model.mm_projector.2.weight"},
    {WeightRole::project_out_bias, "mm.2.bias", "model.mm_projector.2.bias"},
    {WeightRole::router, "mm.ffn_gate_inp.weight", "model.moe_model.gate.weight"},
    {WeightRole::expert_gate, "mm.ffn_gate_exps.weight", "model.moe_model.experts.@.gate_proj.weight"},
    {WeightRole::expert_up, "mm.ffn_up_exps.weight", "model.moe_model.experts.@.up_proj.weight"},
    {WeightRole::expert_down, "mm.ffn_down_exps.weight", "model.moe_model.experts.@.down_proj.weight"},
};
#undef TOWER

constexpr auto kWeights = [] {
  std::array<WeightName, std::size(kDenseDecoderWeights) + std::size(kPictureWeights)> all{};
  size_t at = 0;
  for (const WeightName& weight : kDenseDecoderWeights) all[at++] = weight;
  for (const WeightName& weight : kPictureWeights) all[at++] = weight;
  return all;
}();

}  // namespace

const Family kParrot = {
    .architecture = "parrot",
    .model_types = kModelTypes,
    .weights = kWeights,
    .permuted_qk = false,
    .qkv_bias = true,
    .late_windows = true,
    .sees = true,
};

}  // namespace lorikeet
