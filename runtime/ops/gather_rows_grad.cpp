#include "runtime/ops/chained_rows.h"
#include "runtime/ops/gradients.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes& attributes) {
  LK_TRY(expect_f32("dy", inputs[0]));
  LK_TRY(expect_words("control", inputs[1]));
  return Shapes{{DType::f32, {attributes.integer("rows"), inputs[0].shape.columns()}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  lower_chained_rows(node.inputs[0], node.inputs[1], node.outputs[0], RowKeys::wanted, choices);
}

const Op kOp = {.name = "gather_rows_grad", .shape = shape, .lower = lower};

}  // namespace

Tensor gather_rows_grad(Graph& g, Tensor dy, Tensor control, int64_t rows) {
  return g.apply(kOp, {dy, control}, {{"rows", rows}})[0];
}

}  // namespace lorikeet
