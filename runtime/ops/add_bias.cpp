#include "shaders/add_bias.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes&) {
  LK_TRY(expect_f32("x", in[0]));
  LK_TRY(expect_vector("bias", in[1], in[0].shape.columns()));
  return Shapes{{DType::f32, in[0].shape}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor& y = node.outputs[0];
  const shader::AddBiasParams params{uint32_t(y.shape.elements()), uint32_t(y.shape.columns()),
                                     first_element(g, node.inputs[1])};
  Dispatch dispatch{.kernel = "add_bias",
                    .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(y)},
                    .params = params_bytes(params),
                    .groups = spread((y.shape.elements() + 63) / 64)};
  choices.push_back({.name = "scalar", .dispatches = {std::move(dispatch)}});
}

Tensors backward(const Backward& b) {
  return {b.gradients[0], b.wanted[1] ? sum_rows(b.graph, b.gradients[0]) : Tensor{}};
}

const Op kOp = {.name = "add_bias", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor add_bias(Graph& g, Tensor x, Tensor bias) { return g.apply(kOp, {x, bias})[0]; }

}  // namespace lorikeet
