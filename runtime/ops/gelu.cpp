#include "runtime/ops/ops.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes&) {
  LK_TRY(expect_f32("x", inputs[0]));
  return Shapes{{DType::f32, inputs[0].shape}};
}

void lower(const Graph&, const Node& node, const DeviceProfile& profile, Choices& choices) {
  lower_pointwise(node, profile, node.attributes.integer("tanh") ? "gelu/tanh" : "gelu/erf", choices);
}

const Op kOp = {.name = "gelu", .shape = shape, .lower = lower};

}  // namespace

Tensor gelu(Graph& g, Tensor x, Gelu kind) { return g.apply(kOp, {x}, {{"tanh", int64_t(kind == Gelu::tanh)}})[0]; }

}  // namespace lorikeet
