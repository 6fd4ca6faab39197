#include "runtime/ops/chained_rows.h"
#include "runtime/ops/gradients.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("dy", in[0]));
  LK_TRY(expect_words("control", in[1]));
  return Shapes{{DType::f32, {a.integer("rows"), in[0].shape.columns()}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  lower_chained_rows(node.inputs[0], node.inputs[1], node.outputs[0],
                     node.attributes.integer("visual") ? RowKeys::visual : RowKeys::text, choices);
}

const Op kOp = {.name = "embed_grad", .shape = shape, .lower = lower};

}  // namespace

Tensor embed_grad(Graph& g, Tensor dy, Tensor control, int64_t rows, bool visual) {
  return g.apply(kOp, {dy, control}, {{"rows", rows}, {"visual", int64_t(visual)}})[0];
}

}  // namespace lorikeet
