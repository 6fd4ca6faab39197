#include "shaders/softmax_grad.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes&) {
  LK_TRY(expect_same_shape("y", in[0], "dy", in[1]));
  return Shapes{{DType::f32, in[0].shape}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Shape& y = node.inputs[0].shape;
  Dispatch dispatch{
      .kernel = "softmax_grad",
      .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(node.outputs[0])},
      .params = params_bytes(shader::SoftmaxGradParams{uint32_t(y.rows()), uint32_t(y.columns())}),
      .groups = spread(y.rows())};
  choices.push_back({.name = "row_a_group", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "softmax_grad", .shape = shape, .lower = lower};

}  // namespace

Tensor softmax_grad(Graph& g, Tensor y, Tensor dy) { return g.apply(kOp, {y, dy})[0]; }

}  // namespace lorikeet
