#include "frontend/decoder_layers.h"

#include "frontend/feed_forward.h"
#include "runtime/base/text.h"
#include "runtime/ops/ops.h"

namespace lorikeet {

Tensor write_layers(Graph& g, Tensor h, const DecoderLayers& parts) {
  using Role = WeightRole;
  const DecoderConfig& config = *parts.config;
  const RopeAttributes q_rope{config.heads, config.head_dim, false, config.rope.attention_factor};
  const RopeAttributes k_rope{config.kv_heads, config.head_dim, false, config.rope.attention_factor};
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    g.checkpoint(h);
    const auto w = [&](Role role) { return parts.weight(role, layer); };
    const auto step = [&](const char* name) { g.label(join("blk.", layer, ".", name)); };
    const auto linear = [&](Role role, Tensor x, Tensor bias = {}) {
      const Tensor y = matmul(g, x, w(role), bias);
      return parts.adapters ? parts.adapters->linear(layer, role, x, y) : y;
    };
    const auto rotated = [&](Tensor x, const RopeAttributes& a) {
      return rope(g, x, parts.frequencies, parts.control, a);
    };

    step("attn_qkv");
    const Tensor x = rms_norm(g, h, w(Role::attn_norm), config.rms_eps);    // (rows, hidden)
    const Tensor q = rotated(linear(Role::q, x, w(Role::q_bias)), q_rope);  // (rows, heads * head_dim)
    const Tensor k = rotated(linear(Role::k, x, w(Role::k_bias)), k_rope);  // (rows, kv_heads * head_dim)
    const Tensor v = linear(Role::v, x, w(Role::v_bias));                   // (rows, kv_heads * head_dim)
    step("attention");
    const Tensor mixed = parts.attend(layer, q, k, v);  // (rows, heads * head_dim)
    step("attn_output");
    h = add(g, h, linear(Role::o, mixed, w(Role::o_bias)));  // (rows, hidden)

    h = write_feed_forward(g, h, layer, parts);  // (rows, hidden)
  }
  g.checkpoint(h);
  return h;
}

}  // namespace lorikeet
