#include "frontend/vision.h"

#include <cmath>

#include "runtime/base/text.h"

namespace lorikeet {

using Role = WeightRole;

Graph build_vision(const DecoderConfig& config, const WeightTable& weights, int64_t control_words, bool stages) {
  const PictureConfig& p = *config.picture;
  const int64_t positions = p.positions(), hidden = p.tower_hidden;
  Graph g;
  const auto w = [&](Role role, uint32_t layer = 0) { return weights.tensor(g, role, layer); };
  const Tensor pixels = g.state("pixels", DType::f32, {p.channels, p.side, p.side});
  const Tensor control = g.state("control", DType::u32, {control_words});

  g.label("v.embd");
  const Tensor squares = matmul(g, patches(g, pixels, p.patch), w(Role::tower_patch));          // (patches, T)
  const Tensor tokens = concat_rows(g, g.reshape(w(Role::tower_class), {1, hidden}), squares);  // (positions, T)
  Tensor h = add(g, tokens, g.reshape(w(Role::tower_position), {positions, hidden}));           // (positions, T)
  h = layer_norm(g, h, w(Role::tower_pre_norm), w(Role::tower_pre_norm_bias), p.norm_eps);      // (positions, T)
  if (stages) g.keep(h, "tower.pre_norm");
  const AttentionAttributes heads{.heads = p.tower_heads,
                                  .kv_heads = p.tower_heads,
                                  .head_dim = hidden / p.tower_heads,
                                  .scale = 1 / std::sqrt(double(hidden / p.tower_heads)),
                                  .kv_limit = positions};
  for (uint32_t layer = 0; layer < p.tower_layers; ++layer) {
    const auto product = [&](Tensor x, Role role) {
      return matmul(g, x, w(role, layer), w(Role(int(role) + 1), layer));
    };
    const auto norm = [&](Role role) {
      return layer_norm(g, h, w(role, layer), w(Role(int(role) + 1), layer), p.norm_eps);
    };
    g.label(join("v.blk.", layer));
    const Tensor x = norm(Role::tower_norm1);  // (positions, T)
    // Keys and values of the picture are the cache; the control table lets every row see all of it.
    const Tensor mixed = attention(g, product(x, Role::tower_q), product(x, Role::tower_k), product(x, Role::tower_v),
                                   control, heads);                     // (positions, T)
    h = add(g, h, product(mixed, Role::tower_o));                       // (positions, T)
    const Tensor y = product(norm(Role::tower_norm2), Role::tower_up);  // (positions, tower intermediate)
    h = add(g, h, product(gelu(g, y, p.quick_gelu ? Gelu::quick : Gelu::erf), Role::tower_down));  // (positions, T)
    if (stages) g.keep(h, join("tower.layer.", layer));
  }

  g.label("mm");
  const Tensor seen = p.class_token ? h : take_rows(g, h, 1, positions - 1);  // (visual tokens, T)
  const Tensor inner = gelu(g, matmul(g, seen, w(Role::project_in), w(Role::project_in_bias)), Gelu::erf);
  g.keep(matmul(g, inner, w(Role::project_out), w(Role::project_out_bias)), "projected");  // (visual tokens, hidden)
  return g;
}

Graph build_visual_experts(const DecoderConfig& config, const WeightTable& weights, const VisualExpertsShape& shape) {
  const PictureConfig& p = *config.picture;
  const int64_t hidden = config.hidden, tokens = p.visual_tokens();
  Graph g;
  const Tensor projected = g.state("projected", DType::f32, {tokens, hidden});
  const Tensor control = g.state("control", DType::u32, {shape.control_words});

  g.label("mm.cross_attention");
  const Tensor text =
      embed(g, weights.tensor(g, Role::token_embedding), control, shape.text_rows);  // (text rows, hidden)
  const CrossAttention asked = cross_attention(g, take_rows(g, projected, 0, 1), text, control);
  g.keep(asked.attention, "attention");
  g.keep(asked.pooled, "pooled");

  g.label("mm.route");
  const Tensor scores = matmul(g, asked.pooled, weights.tensor(g, Role::router));  // (1, experts)
  g.keep(scores, "scores");
  const Routing routing = route(g, scores, shape.policy);
  g.keep(routing.probabilities, "probabilities");
  g.keep(routing.weights, "weights");
  g.keep(routing.entropy, "entropy");

  // One routing for all tokens of the picture.
  g.label("mm.experts");
  const Tensor list = sort_rows(g, routing.weights, tokens, most_chosen(shape.policy, p.experts));
  const Tensor inner = expert_matmul(g, {.x = projected,
                                         .stack = weights.gate_up_stack(g),
                                         .list = list,
                                         .outputs = p.expert_intermediate,
                                         .gated = true});  // (pairs, expert intermediate)
  const Tensor outputs =
      expert_matmul(g, {.x = inner, .stack = weights.down_stack(g), .list = list, .outputs = hidden, .by_pair = true});
  g.keep(expert_combine(g, {.outputs = outputs,
                            .weights = routing.weights,
                            .list = list,
                            .residual = p.residual_weight != 0 ? projected : Tensor{},
                            .residual_scale = p.residual_weight}),
         "visual");  // (visual tokens, hidden)
  return g;
}

}  // namespace lorikeet
