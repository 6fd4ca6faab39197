#include "shaders/concat_rows.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes&) {
  const Tensor &a = inputs[0], &b = inputs[1];
  LK_TRY(expect_f32("a", a));
  LK_TRY(expect_f32("b", b));
  if (a.shape.columns() != b.shape.columns())
    return invalid(join("the rows of a have ", a.shape.columns(), " columns, those of b ", b.shape.columns(), "."));
  return Shapes{{DType::f32, {a.shape.rows() + b.shape.rows(), a.shape.columns()}}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile&, Choices& choices) {
  const int64_t first = node.inputs[0].shape.elements(), count = node.outputs[0].shape.elements();
  const auto choice = [&](std::string_view name, std::string_view kernel, uint32_t width) {
    Dispatch dispatch{
        .kernel = std::string(kernel),
        .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(node.outputs[0])},
        .params = params_bytes(shader::ConcatRowsParams{uint32_t(first) / width, uint32_t(count) / width}),
        .groups = spread((count / width + 63) / 64)};
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  const bool whole = first_element(g, node.inputs[0]) == 0 && first_element(g, node.inputs[1]) == 0;
  if (whole && multiples_of_4({first, count})) choice("vec4", "concat_rows/vec4", 4);
  choice("scalar", "concat_rows/float", 1);
}

Tensors backward(const Backward& b) {
  const int64_t first = b.node.inputs[0].shape.rows(), rest = b.node.inputs[1].shape.rows();
  return {take_rows(b.graph, b.gradients[0], 0, first), take_rows(b.graph, b.gradients[0], first, rest)};
}

const Op kOp = {.name = "concat_rows", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor concat_rows(Graph& g, Tensor a, Tensor b) { return g.apply(kOp, {a, b})[0]; }

}  // namespace lorikeet
