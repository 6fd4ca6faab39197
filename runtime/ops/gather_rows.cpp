#include "shaders/gather_rows.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes& attributes) {
  LK_TRY(expect_f32("x", inputs[0]));
  LK_TRY(expect_words("control", inputs[1]));
  const int64_t count = attributes.integer("count");
  LK_TRY(expect_rows("count", count));
  return Shapes{{DType::f32, {count, inputs[0].shape.columns()}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const int64_t columns = node.inputs[0].shape.columns(), rows = node.inputs[0].shape.rows(),
                count = node.outputs[0].shape.rows();
  const auto choice = [&](std::string_view name, std::string_view kernel, uint32_t width) {
    Dispatch dispatch{
        .kernel = std::string(kernel),
        .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(node.outputs[0])},
        .params = params_bytes(shader::GatherRowsParams{uint32_t(rows), uint32_t(count), uint32_t(columns) / width}),
        .groups = spread(count),
        .bytes = uint64_t(8 * count * columns)};
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  if (columns % 4 == 0) choice("vec4", "gather_rows/vec4", 4);
  choice("scalar", "gather_rows/float", 1);
}

Tensors backward(const Backward& b) {
  return {gather_rows_grad(b.graph, b.gradients[0], b.node.inputs[1], b.node.inputs[0].shape.rows()), {}};
}

const Op kOp = {.name = "gather_rows", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor gather_rows(Graph& g, Tensor x, Tensor control, int64_t count) {
  return g.apply(kOp, {x, control}, {{"count", count}})[0];
}

}  // namespace lorikeet
