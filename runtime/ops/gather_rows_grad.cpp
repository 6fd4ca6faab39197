#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"
#include "shaders/gather_rows.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes& attributes) {
  LK_TRY(expect_f32("dy", inputs[0]));
  LK_TRY(expect_words("control", inputs[1]));
  return Shapes{{DType::f32, {attributes.integer("rows"), inputs[0].shape.columns()}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor &dy = node.inputs[0], &y = node.outputs[0];
  const int64_t columns = y.shape.columns();
  const auto choice = [&](std::string_view name, std::string_view kernel, uint32_t width) {
    const shader::GatherRowsParams params{uint32_t(y.shape.rows()), uint32_t(dy.shape.rows()),
                                          uint32_t(columns) / width};
    Dispatch dispatch{.kernel = std::string(kernel),
                      .operands = {Operand::of(dy), Operand::of(node.inputs[1]), Operand::of(y)},
                      .params = params_bytes(params),
                      .groups = spread(y.shape.rows())};
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  if (columns % 4 == 0) choice("vec4", "gather_rows_grad/vec4", 4);
  choice("scalar", "gather_rows_grad/float", 1);
}

const Op kOp = {.name = "gather_rows_grad", .shape = shape, .lower = lower};

}  // namespace

Tensor gather_rows_grad(Graph& g, Tensor dy, Tensor control, int64_t rows) {
  return g.apply(kOp, {dy, control}, {{"rows", rows}})[0];
}

}  // namespace lorikeet
