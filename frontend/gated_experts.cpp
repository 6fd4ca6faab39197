#include "frontend/gated_experts.h"

#include "frontend/families/resolve.h"
#include "runtime/ops/ops.h"

namespace lorikeet {

GatedExperts gated_experts(Graph& g, const DecoderConfig& config, const WeightTable& weights, WeightRole gate,
                           uint32_t layer) {
  const WeightRole up = WeightRole(int(gate) + 1), down = WeightRole(int(gate) + 2);
  const auto trained = [&](WeightRole role) { return g.find(weight_name(*config.family, role, layer, Naming::gguf)); };
  GatedExperts experts;
  experts.intermediate = int64_t(expected_shape(config, gate).front());
  experts.outputs = int64_t(expected_shape(config, down).front());
  if (const Tensor stack = trained(gate)) {
    experts.trained_gate = stack;
    experts.trained_up = trained(up);
    experts.trained_down = trained(down);
  } else {
    experts.gate_up = weights.gate_up_stack(g, gate, layer);
    experts.down = weights.down_stack(g, gate, layer);
  }
  return experts;
}

Tensor write_gated_experts(Graph& g, const GatedExperts& experts, Tensor x, Tensor list) {
  if (experts.trained_gate) {
    const auto product = [&](Tensor input, Tensor stack, bool by_pair) {
      return expert_gemm(g, {.x = input, .stack = stack, .list = list, .transpose = true, .by_pair = by_pair});
    };
    const Tensor inner = silu_mul(g, product(x, experts.trained_gate, false), product(x, experts.trained_up, false));
    return product(inner, experts.trained_down, true);
  }
  const Tensor inner = expert_matmul(g, {.x = x,
                                         .stack = experts.gate_up,
                                         .list = list,
                                         .outputs = experts.intermediate,
                                         .gated = true});  // (pairs, intermediate)
  return expert_matmul(g,
                       {.x = inner, .stack = experts.down, .list = list, .outputs = experts.outputs, .by_pair = true});
}

}  // namespace lorikeet
