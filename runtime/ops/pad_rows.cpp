#include "shaders/pad_rows.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes& a) {
  LK_TRY(expect_f32("x", inputs[0]));
  const int64_t first = a.integer("first"), rows = a.integer("rows"), count = inputs[0].shape.rows();
  if (first < 0 || first + count > rows)
    return invalid(join("rows ", first, " to ", first + count, " are not inside a tensor of ", rows, " rows."));
  return Shapes{{DType::f32, {rows, inputs[0].shape.columns()}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor &x = node.inputs[0], &y = node.outputs[0];
  const shader::PadRowsParams params{uint32_t(node.attributes.integer("first") * x.shape.columns()),
                                     uint32_t(x.shape.elements()), uint32_t(y.shape.elements())};
  Dispatch dispatch{.kernel = "pad_rows",
                    .operands = {Operand::of(x), Operand::of(y)},
                    .params = params_bytes(params),
                    .groups = spread((y.shape.elements() + 63) / 64)};
  choices.push_back({.name = "scalar", .dispatches = {std::move(dispatch)}});
}

Tensors backward(const Backward& b) {
  return {b.graph.rows(b.gradients[0], b.node.attributes.integer("first"), b.node.inputs[0].shape.rows())};
}

const Op kOp = {.name = "pad_rows", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor pad_rows(Graph& g, Tensor x, int64_t first, int64_t rows) {
  return g.apply(kOp, {x}, {{"first", first}, {"rows", rows}})[0];
}

}  // namespace lorikeet
