#include "shaders/take_rows.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

constexpr int64_t kAlignment = 256;  // bytes at which every device can bind a tensor

Result<Shapes> shape(Inputs inputs, const Attributes& a) {
  LK_TRY(expect_f32("x", inputs[0]));
  const Shape result{a.integer("count"), inputs[0].shape.columns()};
  LK_TRY(expect_f32("the result", Tensor{0, DType::f32, result}));
  return Shapes{{DType::f32, result}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor &x = node.inputs[0], &y = node.outputs[0];
  const shader::TakeRowsParams params{int32_t(node.attributes.integer("first") * x.shape.columns()),
                                      uint32_t(x.shape.elements()), uint32_t(y.shape.elements())};
  Dispatch dispatch{.kernel = "take_rows",
                    .operands = {Operand::of(x), Operand::of(y)},
                    .params = params_bytes(params),
                    .groups = spread((y.shape.elements() + 63) / 64)};
  choices.push_back({.name = "scalar", .dispatches = {std::move(dispatch)}});
}

Tensors backward(const Backward& b) {
  return {take_rows(b.graph, b.gradients[0], -b.node.attributes.integer("first"), b.node.inputs[0].shape.rows())};
}

const Op kOp = {.name = "take_rows", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor take_rows(Graph& g, Tensor x, int64_t first, int64_t count) {
  const bool inside = x && first >= 0 && count > 0 && first + count <= x.shape.rows();
  if (inside && first * x.shape.columns() * 4 % kAlignment == 0) return g.rows(x, first, count);
  return g.apply(kOp, {x}, {{"first", first}, {"count", count}})[0];
}

}  // namespace lorikeet
