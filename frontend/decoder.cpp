#include "frontend/decoder.h"

#include <cmath>

#include "frontend/decoder_layers.h"
#include "runtime/base/text.h"
#include "runtime/ops/ops.h"

namespace lorikeet {

Graph build_decoder(const DecoderConfig& config, const WeightTable& weights, const DecoderShape& shape) {
  using Role = WeightRole;
  Graph g;
  const SessionSizes& sizes = shape.sizes;
  const int64_t kv_columns = int64_t(config.kv_heads) * config.head_dim;
  const Tensor control = g.state("control", DType::u32, {sizes.control_words});
  const Tensor frequencies = weights.rope_frequencies(g);             // (head_dim / 2)
  const Tensor embedding = weights.tensor(g, Role::token_embedding);  // (vocabulary, hidden)

  g.label("embed");
  const Tensor visual =
      sizes.visual_rows ? g.state("visual", DType::f32, {sizes.visual_rows, config.hidden}) : Tensor{};
  Tensor h = embed(g, embedding, control, shape.rows, visual);  // (rows, hidden)
  const auto attend = [&](uint32_t layer, Tensor q, Tensor k, Tensor v) {
    const Tensor cache_k = g.state(join("cache.k.", layer), sizes.kv, {sizes.places, kv_columns});
    const Tensor cache_v = g.state(join("cache.v.", layer), sizes.kv, {sizes.places, kv_columns});
    kv_write(g, k, v, cache_k, cache_v, control);
    return attention(g, q, cache_k, cache_v, control,
                     {.heads = config.heads,
                      .kv_heads = config.kv_heads,
                      .head_dim = config.head_dim,
                      .scale = 1.0 / std::sqrt(double(config.head_dim)),
                      .window = config.windows[layer],
                      .kv_limit = sizes.kv_limit});
  };
  AdapterWriter adapters(g, shape.adapters, control);
  h = write_layers(
      g, h,
      {.config = &config,
       .weight = [&](Role role, uint32_t layer) { return weights.tensor(g, role, layer); },
       .control = control,
       .frequencies = frequencies,
       .attend = attend,
       .adapters = shape.adapters.empty() ? nullptr : &adapters,
       .experts = [&](uint32_t layer) { return gated_experts(g, config, weights, Role::slice_gate, layer); },
       .active = shape.active,
       .keep_routes = shape.keep_routes});  // (rows, hidden)
  if (shape.head == Head::none) return g;

  g.label("output");
  const Tensor wanted = shape.rows == 1 ? h : gather_rows(g, h, control, shape.wanted);  // (wanted, hidden)
  const Tensor head = weights.tensor(g, Role::output);
  const Tensor last = rms_norm(g, wanted, weights.tensor(g, Role::output_norm), config.rms_eps);
  const Tensor logits = matmul(g, last, head ? head : embedding);  // (wanted, vocabulary)
  g.label("head");
  if (shape.head == Head::logits) g.keep(logits, "logits");
  if (shape.head == Head::log_prob) {
    const Tensor target = g.state("target", DType::u32, {shape.wanted});
    g.keep(log_prob(g, logits, target), "log_prob");  // (wanted)
  }
  if (shape.head == Head::sample) {
    const int64_t seen_words = (int64_t(config.vocabulary) + 31) / 32;
    const Tensor seen = g.state("seen", DType::u32, {sizes.slots, seen_words});
    const Tensor tokens = g.state("tokens", DType::u32, {sizes.slots, sizes.ring});
    const Tensor bias =
        sizes.logit_bias ? g.state("logit_bias", DType::f32, {sizes.slots, config.vocabulary}) : Tensor{};
    sample(g, logits, {.control = control, .seen = seen, .tokens = tokens, .logit_bias = bias});
  }
  return g;
}

}  // namespace lorikeet
