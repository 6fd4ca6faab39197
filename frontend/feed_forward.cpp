#include "frontend/feed_forward.h"

#include "runtime/base/text.h"
#include "runtime/ops/ops.h"

namespace lorikeet {
namespace {

using Role = WeightRole;

Tensor write_dense(Graph& g, Tensor h, uint32_t layer, const DecoderLayers& parts) {
  const auto w = [&](Role role) { return parts.weight(role, layer); };
  const auto linear = [&](Role role, Tensor x) {
    const Tensor y = matmul(g, x, w(role));
    return parts.adapters ? parts.adapters->linear(layer, role, x, y) : y;
  };
  g.label(join("blk.", layer, ".ffn_gate_up"));
  const Tensor x = rms_norm(g, h, w(Role::ffn_norm), parts.config->rms_eps);  // (rows, hidden)
  const Tensor gate = linear(Role::gate, x), up = linear(Role::up, x);        // (rows, intermediate)
  const Tensor gated = silu_mul(g, gate, up);
  if (parts.neurons) parts.neurons(layer, gated);
  g.label(join("blk.", layer, ".ffn_down"));
  Tensor down = linear(Role::down, gated);  // (rows, hidden)
  if (parts.adapters)
    down = parts.adapters->feed_forward(layer, {.x = x, .gate = gate, .up = up, .y = down, .down = w(Role::down)});
  return add(g, h, down);  // (rows, hidden)
}

}  // namespace

FactoredRows write_factored(Graph& g, const FactorConfig& factor, const GatedExperts& experts,
                            const FactoredInput& input) {
  const uint32_t active = input.active ? input.active : factor.active;
  FactoredRows made;
  made.scores = matmul(g, input.x, input.router, input.bias);  // (rows, experts)
  made.weights =
      g.detach(route(g, made.scores, {.top_k = active, .equal = true, .scale = factor.scale(active)}).weights);
  const Tensor list = sort_rows(g, made.weights, 1, active);
  made.y = expert_combine(g, {.outputs = write_gated_experts(g, experts, input.x, list),
                              .weights = made.weights,
                              .list = list,
                              .residual = input.residual});  // (rows, hidden)
  return made;
}

Tensor write_feed_forward(Graph& g, Tensor h, uint32_t layer, const DecoderLayers& parts) {
  const DecoderConfig& config = *parts.config;
  if (!config.factor) return write_dense(g, h, layer, parts);
  const auto w = [&](Role role) { return parts.weight(role, layer); };
  g.label(join("blk.", layer, ".ffn_exps"));
  const FactoredInput input{.x = rms_norm(g, h, w(Role::ffn_norm), config.rms_eps),
                            .router = w(Role::slice_router),
                            .bias = w(Role::slice_router_bias),
                            .residual = h,
                            .active = config.factor->active_in(layer, parts.active)};
  if (parts.factored) return parts.factored(parts.experts(layer), input);  // (rows, hidden)
  const FactoredRows made = write_factored(g, *config.factor, parts.experts(layer), input);
  if (parts.keep_routes) {
    g.keep(made.scores, join("blk.", layer, ".scores"));
    g.keep(made.weights, join("blk.", layer, ".weights"));
  }
  return made.y;  // (rows, hidden)
}

}  // namespace lorikeet
