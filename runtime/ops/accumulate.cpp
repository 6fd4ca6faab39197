#include "runtime/ops/ops.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes&) {
  LK_TRY(expect_f32("the sum", in[0]));
  LK_TRY(expect_vector("x", in[1], in[0].shape.elements()));
  LK_TRY(expect_words("fresh", in[2]));
  return Shapes{};
}

void lower(const Graph&, const Node& node, const DeviceProfile& profile, Choices& choices) {
  lower_pointwise(node.inputs, node.inputs[0].shape.elements(), profile, "accumulate", choices);
}

const Op kOp = {.name = "accumulate", .shape = shape, .lower = lower};

}  // namespace

void accumulate(Graph& g, Tensor sum, Tensor x, Tensor fresh) { g.apply(kOp, {sum, x, fresh}); }

}  // namespace lorikeet
