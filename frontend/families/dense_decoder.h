// The names that all dense decoders of the llama kind share, and those that they have when they are factored.
#pragma once

#include "frontend/families/family.h"

namespace lorikeet {

inline constexpr WeightName kDenseDecoderWeights[] = {
    {WeightRole::token_embedding, "token_embd.weight", "model.embed_tokens.weight"},
    {WeightRole::output_norm, "output_norm.weight", "model.norm.weight"},
    {WeightRole::output, "output.weight", "lm_head.weight"},
    {WeightRole::attn_norm, "blk.#.attn_norm.weight", "model.layers.#.input_layernorm.weight"},
    {WeightRole::q, "blk.#.attn_q.weight", "model.layers.#.self_attn.q_proj.weight"},
    {WeightRole::k, "blk.#.attn_k.weight", "model.layers.#.self_attn.k_proj.weight"},
    {WeightRole::v, "blk.#.attn_v.weight", "model.layers.#.self_attn.v_proj.weight"},
    {WeightRole::o, "blk.#.attn_output.weight", "model.layers.#.self_attn.o_proj.weight"},
    {WeightRole::q_bias, "blk.#.attn_q.bias", "model.layers.#.self_attn.q_proj.bias"},
    {WeightRole::k_bias, "blk.#.attn_k.bias", "model.layers.#.self_attn.k_proj.bias"},
    {WeightRole::v_bias, "blk.#.attn_v.bias", "model.layers.#.self_attn.v_proj.bias"},
    {WeightRole::o_bias, "blk.#.attn_output.bias", "model.layers.#.self_attn.o_proj.bias"},
    {WeightRole::ffn_norm, "blk.#.ffn_norm.weight", "model.layers.#.post_attention_layernorm.weight"},
    {WeightRole::gate, "blk.#.ffn_gate.weight", "model.layers.#.mlp.gate_proj.weight"},
    {WeightRole::up, "blk.#.ffn_up.weight", "model.layers.#.mlp.up_proj.weight"},
    {WeightRole::down, "blk.#.ffn_down.weight", "model.layers.#.mlp.down_proj.weight"},
    {WeightRole::slice_router, "blk.#.ffn_gate_inp.weight", "model.layers.#.mlp.route1.weight"},
    {WeightRole::slice_router_bias, "blk.#.ffn_gate_inp.bias", "model.layers.#.mlp.route1.bias"},
    {WeightRole::slice_gate, "blk.#.ffn_gate_exps.weight", "model.layers.#.mlp.gate_proj_list.@.weight"},
    {WeightRole::slice_up, "blk.#.ffn_up_exps.weight", "model.layers.#.mlp.up_proj_list.@.weight"},
    {WeightRole::slice_down, "blk.#.ffn_down_exps.weight", "model.layers.#.mlp.down_proj_list.@.weight"},
};

}  // namespace lorikeet
