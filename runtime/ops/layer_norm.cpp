#include "shaders/layer_norm.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/norm.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes& attributes) {
  LK_TRY(expect_f32("x", inputs[0]));
  LK_TRY(expect_vector("weight", inputs[1], inputs[0].shape.columns()));
  LK_TRY(expect_vector("bias", inputs[2], inputs[0].shape.columns()));
  LK_TRY(expect_eps(attributes.number("eps")));
  return Shapes{{DType::f32, inputs[0].shape}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const int64_t columns = node.inputs[0].shape.columns(), rows = node.inputs[0].shape.rows();
  const uint32_t weight_at = first_element(g, node.inputs[1]), bias_at = first_element(g, node.inputs[2]);
  const auto choice = [&](std::string_view name, std::string_view kernel, uint32_t width) {
    const shader::LayerNormParams params{uint32_t(rows),        uint32_t(columns) / width,
                                         weight_at / width,     bias_at / width,
                                         1.0f / float(columns), float(node.attributes.number("eps"))};
    Dispatch dispatch{.kernel = std::string(kernel),
                      .constants = {{0, norm_lanes(profile, columns)}},
                      .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]),
                                   Operand::of(node.inputs[2]), Operand::of(node.outputs[0])},
                      .params = params_bytes(params),
                      .groups = spread(rows)};
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  if (multiples_of_4({columns, weight_at, bias_at})) choice("vec4", "layer_norm/vec4", 4);
  choice("scalar", "layer_norm/float", 1);
}

Tensors backward(const Backward& b) {
  const NormGrad d = layer_norm_grad(b.graph, b.node.inputs[0], b.node.inputs[1], b.gradients[0],
                                     b.node.attributes.number("eps"), b.wanted[1]);
  return {d.x, d.weight, b.wanted[2] ? sum_rows(b.graph, b.gradients[0]) : Tensor{}};
}

const Op kOp = {.name = "layer_norm", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor layer_norm(Graph& g, Tensor x, Tensor weight, Tensor bias, double eps) {
  return g.apply(kOp, {x, weight, bias}, {{"eps", eps}})[0];
}

}  // namespace lorikeet
