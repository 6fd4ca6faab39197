#include "frontend/decoder.h"

#include <cmath>

#include "runtime/base/text.h"
#include "runtime/ops/ops.h"

namespace lorikeet {

Graph build_decoder(const DecoderConfig& config, const WeightTable& weights, const DecoderShape& shape) {
  using Role = WeightRole;
  Graph g;
  const SessionSizes& sizes = shape.sizes;
  const int64_t kv_columns = int64_t(config.kv_heads) * config.head_dim;
  const RopeAttributes q_rope{config.heads, config.head_dim, false, config.rope.attention_factor};
  const RopeAttributes k_rope{config.kv_heads, config.head_dim, false, config.rope.attention_factor};
  const Tensor control = g.state("control", DType::u32, {sizes.control_words});
  const Tensor frequencies = weights.rope_frequencies(g);             // (head_dim / 2)
  const Tensor embedding = weights.tensor(g, Role::token_embedding);  // (vocabulary, hidden)

  g.label("embed");
  const Tensor visual =
      sizes.visual_rows ? g.state("visual", DType::f32, {sizes.visual_rows, config.hidden}) : Tensor{};
  Tensor h = embed(g, embedding, control, shape.rows, visual);  // (rows, hidden)
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const auto w = [&](Role role) { return weights.tensor(g, role, layer); };
    const auto step = [&](const char* name) { g.label(join("blk.", layer, ".", name)); };
    const Tensor cache_k = g.state(join("cache.k.", layer), sizes.kv, {sizes.places, kv_columns});
    const Tensor cache_v = g.state(join("cache.v.", layer), sizes.kv, {sizes.places, kv_columns});

    step("attn_qkv");
    const Tensor x = rms_norm(g, h, w(Role::attn_norm), config.rms_eps);  // (rows, hidden)
    const Tensor q =
        rope(g, matmul(g, x, w(Role::q), w(Role::q_bias)), frequencies, control, q_rope);  // (rows, heads * head_dim)
    const Tensor k = rope(g, matmul(g, x, w(Role::k), w(Role::k_bias)), frequencies, control,
                          k_rope);                               // (rows, kv_heads * head_dim)
    const Tensor v = matmul(g, x, w(Role::v), w(Role::v_bias));  // (rows, kv_heads * head_dim)
    kv_write(g, k, v, cache_k, cache_v, control);
    step("attention");
    const Tensor mixed = attention(g, q, cache_k, cache_v, control,
                                   {.heads = config.heads,
                                    .kv_heads = config.kv_heads,
                                    .head_dim = config.head_dim,
                                    .scale = 1.0 / std::sqrt(double(config.head_dim)),
                                    .window = config.windows[layer],
                                    .kv_limit = sizes.kv_limit});  // (rows, heads * head_dim)
    step("attn_output");
    h = add(g, h, matmul(g, mixed, w(Role::o), w(Role::o_bias)));  // (rows, hidden)

    step("ffn_gate_up");
    const Tensor y = rms_norm(g, h, w(Role::ffn_norm), config.rms_eps);                        // (rows, hidden)
    const Tensor gated = silu_mul(g, matmul(g, y, w(Role::gate)), matmul(g, y, w(Role::up)));  // (rows, intermediate)
    step("ffn_down");
    h = add(g, h, matmul(g, gated, w(Role::down)));  // (rows, hidden)
  }
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
