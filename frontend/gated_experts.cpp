#include "frontend/gated_experts.h"

#include "frontend/families/resolve.h"
#include "runtime/ops/ops.h"

namespace lorikeet {

GatedExperts frozen_experts(Graph& g, const DecoderConfig& config, const WeightTable& weights, WeightRole gate,
                            uint32_t layer) {
  GatedExperts experts;
  experts.intermediate = int64_t(expected_shape(config, gate).front());
  experts.outputs = int64_t(expected_shape(config, WeightRole(int(gate) + 2)).front());
  experts.gate_up = weights.gate_up_stack(g, gate, layer);
  experts.down = weights.down_stack(g, gate, layer);
  return experts;
}

GatedExperts gated_experts(Graph& g, const DecoderConfig& config, const WeightTable& weights, WeightRole gate,
                           uint32_t layer) {
  const auto trained = [&](int part) {
    return g.find(weight_name(*config.family, WeightRole(int(gate) + part), layer, Naming::gguf));
  };
  if (!trained(0)) return frozen_experts(g, config, weights, gate, layer);
  return {.trained_gate = trained(0),
          .trained_up = trained(1),
          .trained_down = trained(2),
          .intermediate = int64_t(expected_shape(config, gate).front()),
          .outputs = int64_t(expected_shape(config, WeightRole(int(gate) + 2)).front())};
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
