#include "shaders/gated_grad.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes&) {
  LK_TRY(expect_f32("the gates and ups", in[0]));
  LK_TRY(expect_f32("dy", in[1]));
  const Shape halves{in[1].shape.rows(), 2 * in[1].shape.columns()};
  if (in[0].shape == halves) return Shapes{{DType::f32, halves}};
  return invalid(join("the gates and ups are ", in[0].shape.text(), ", expected ", halves.text(), "."));
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor& dy = node.inputs[1];
  const shader::GatedGradParams params{uint32_t(dy.shape.elements()), uint32_t(dy.shape.columns())};
  Dispatch dispatch{.kernel = "gated_grad",
                    .operands = {Operand::of(node.inputs[0]), Operand::of(dy), Operand::of(node.outputs[0])},
                    .params = params_bytes(params),
                    .groups = spread((dy.shape.elements() + 63) / 64)};
  choices.push_back({.name = "plain", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "gated_grad", .shape = shape, .lower = lower};

}  // namespace

Tensor gated_grad(Graph& g, Tensor both, Tensor dy) { return g.apply(kOp, {both, dy})[0]; }

}  // namespace lorikeet
