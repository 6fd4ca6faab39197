#include "frontend/vision.h"

#include <cmath>
#include <functional>

#include "frontend/gated_experts.h"
#include "runtime/base/text.h"

namespace lorikeet {

using Role = WeightRole;

namespace {

// q, k and v of rows (rows, T) -> (rows, T)
using TowerAttention = std::function<Tensor(Tensor q, Tensor k, Tensor v)>;

int64_t head_dim(const PictureConfig& p) { return int64_t(p.tower_hidden) / p.tower_heads; }
double attention_scale(const PictureConfig& p) { return 1 / std::sqrt(double(head_dim(p))); }

// h (rows, T), the tokens with their positions -> (rows, T)
Tensor write_tower_layers(Graph& g, const PictureConfig& p, const WeightTable& weights, Tensor h,
                          const TowerAttention& attend, bool stages) {
  const auto w = [&](Role role, uint32_t layer = 0) { return weights.tensor(g, role, layer); };
  h = layer_norm(g, h, w(Role::tower_pre_norm), w(Role::tower_pre_norm_bias), p.norm_eps);  // (rows, T)
  if (stages) g.keep(h, "tower.pre_norm");
  for (uint32_t layer = 0; layer < p.tower_layers; ++layer) {
    g.checkpoint(h);
    const auto product = [&](Tensor x, Role role) {
      return matmul(g, x, w(role, layer), w(Role(int(role) + 1), layer));
    };
    const auto norm = [&](Role role) {
      return layer_norm(g, h, w(role, layer), w(Role(int(role) + 1), layer), p.norm_eps);
    };
    g.label(join("v.blk.", layer));
    const Tensor x = norm(Role::tower_norm1);  // (rows, T)
    const Tensor mixed =
        attend(product(x, Role::tower_q), product(x, Role::tower_k), product(x, Role::tower_v));  // (rows, T)
    h = add(g, h, product(mixed, Role::tower_o));                                                 // (rows, T)
    const Tensor y = product(norm(Role::tower_norm2), Role::tower_up);  // (rows, tower intermediate)
    h = add(g, h, product(gelu(g, y, p.quick_gelu ? Gelu::quick : Gelu::erf), Role::tower_down));  // (rows, T)
    if (stages) g.keep(h, join("tower.layer.", layer));
  }
  g.checkpoint(h);
  return h;
}

}  // namespace

Tensor write_tower(Graph& g, const PictureConfig& p, const WeightTable& weights, Tensor pixels, Tensor control,
                   bool stages) {
  const int64_t positions = p.positions(), hidden = p.tower_hidden;
  const auto w = [&](Role role) { return weights.tensor(g, role); };
  g.label("v.embd");
  const Tensor squares = matmul(g, patches(g, pixels, p.patch), w(Role::tower_patch));          // (patches, T)
  const Tensor tokens = concat_rows(g, g.reshape(w(Role::tower_class), {1, hidden}), squares);  // (positions, T)
  Tensor h = add(g, tokens, g.reshape(w(Role::tower_position), {positions, hidden}));           // (positions, T)
  const AttentionAttributes heads{.heads = p.tower_heads,
                                  .kv_heads = p.tower_heads,
                                  .head_dim = head_dim(p),
                                  .scale = attention_scale(p),
                                  .kv_limit = positions};
  // Keys and values of the picture are the cache; the control table lets every row see all of it.
  const auto attend = [&](Tensor q, Tensor k, Tensor v) { return attention(g, q, k, v, control, heads); };
  h = write_tower_layers(g, p, weights, h, attend, stages);      // (positions, T)
  return p.class_token ? h : take_rows(g, h, 1, positions - 1);  // (visual tokens, T)
}

Tensor write_towers(Graph& g, const PictureConfig& p, const WeightTable& weights, const TowerBatch& batch) {
  const int64_t positions = p.positions(), hidden = p.tower_hidden, rows = batch.pictures * positions;
  const auto w = [&](Role role) { return weights.tensor(g, role); };
  g.label("v.embd");
  const Tensor squares = matmul(g, patches(g, batch.pixels, p.patch), w(Role::tower_patch));
  const Tensor all = concat_rows(g, g.reshape(w(Role::tower_class), {1, hidden}), squares);  // (1 + squares, T)
  const Tensor places = g.reshape(w(Role::tower_position), {positions, hidden});
  const Tensor h =
      add(g, gather_rows(g, all, batch.tokens, rows), gather_rows(g, places, batch.positions, rows));  // (rows, T)
  const SpanAttentionAttributes heads{
      .heads = p.tower_heads, .kv_heads = p.tower_heads, .head_dim = head_dim(p), .scale = attention_scale(p)};
  const auto attend = [&](Tensor q, Tensor k, Tensor v) { return span_attention(g, q, k, v, batch.spans, heads); };
  return write_tower_layers(g, p, weights, h, attend, false);  // (rows, T)
}

Tensor write_projector(Graph& g, const WeightTable& weights, Tensor features) {
  const auto w = [&](Role role) { return weights.tensor(g, role); };
  g.label("mm");
  const Tensor inner = gelu(g, matmul(g, features, w(Role::project_in), w(Role::project_in_bias)), Gelu::erf);
  return matmul(g, inner, w(Role::project_out), w(Role::project_out_bias));  // (rows, hidden)
}

VisualExperts write_visual_experts(Graph& g, const DecoderConfig& config, const WeightTable& weights,
                                   const VisualQuestions& asked) {
  const PictureConfig& p = *config.picture;
  VisualExperts made;
  g.label("mm.cross_attention");
  const Tensor table = weights.tensor(g, Role::token_embedding);
  const Tensor text = embed(g, table, asked.control, asked.classes.shape.rows() * asked.text_rows);
  made.asked = cross_attention(g, asked.classes, text, asked.control);

  g.label("mm.route");
  made.scores = matmul(g, made.asked.pooled, weights.tensor(g, Role::router));  // (questions, experts)
  made.routing = route(g, made.scores, asked.policy);

  // One routing for all tokens of a picture.
  g.label("mm.experts");
  const Tensor list = sort_rows(g, made.routing.weights, p.visual_tokens(), most_chosen(asked.policy, p.experts));
  made.visual = expert_combine(g, {.outputs = write_gated_experts(
                                       g, gated_experts(g, config, weights, Role::expert_gate), asked.projected, list),
                                   .weights = made.routing.weights,
                                   .list = list,
                                   .residual = p.residual_weight != 0 ? asked.projected : Tensor{},
                                   .residual_scale = p.residual_weight});  // (questions * visual tokens, hidden)
  return made;
}

Graph build_vision(const DecoderConfig& config, const WeightTable& weights, int64_t control_words, bool stages) {
  const PictureConfig& p = *config.picture;
  Graph g;
  const Tensor pixels = g.state("pixels", DType::f32, {p.channels, p.side, p.side});
  const Tensor control = g.state("control", DType::u32, {control_words});
  const Tensor features = write_tower(g, p, weights, pixels, control, stages);
  g.keep(write_projector(g, weights, features), "projected");
  return g;
}

Graph build_tower(const DecoderConfig& config, const WeightTable& weights, int64_t control_words) {
  const PictureConfig& p = *config.picture;
  Graph g;
  const Tensor pixels = g.state("pixels", DType::f32, {p.channels, p.side, p.side});
  g.keep(write_tower(g, p, weights, pixels, g.state("control", DType::u32, {control_words}), false), "features");
  return g;
}

Graph build_visual_experts(const DecoderConfig& config, const WeightTable& weights, const VisualExpertsShape& shape) {
  Graph g;
  const Tensor projected = g.state("projected", DType::f32, {config.picture->visual_tokens(), config.hidden});
  const VisualExperts made = write_visual_experts(g, config, weights,
                                                  {.projected = projected,
                                                   .classes = take_rows(g, projected, 0, 1),
                                                   .control = g.state("control", DType::u32, {shape.control_words}),
                                                   .text_rows = shape.text_rows,
                                                   .policy = shape.policy});
  g.keep(made.asked.attention, "attention");
  g.keep(made.asked.pooled, "pooled");
  g.keep(made.scores, "scores");
  g.keep(made.routing.probabilities, "probabilities");
  g.keep(made.routing.weights, "weights");
  g.keep(made.routing.entropy, "entropy");
  g.keep(made.visual, "visual");
  return g;
}

}  // namespace lorikeet
