#include "runtime/ops/gradients.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes&) {
  LK_TRY(expect_f32("x", inputs[0]));
  return Shapes{{DType::f32, inputs[0].shape}};
}

void lower(const Graph&, const Node& node, const DeviceProfile& profile, Choices& choices) {
  static constexpr const char* kKernels[] = {"gelu/erf", "gelu/tanh", "gelu/quick"};
  lower_pointwise(node, profile, kKernels[node.attributes.integer("kind")], choices);
}

Tensors backward(const Backward& b) {
  return {gelu_grad(b.graph, b.node.inputs[0], b.gradients[0], Gelu(b.node.attributes.integer("kind")))};
}

const Op kOp = {.name = "gelu", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor gelu(Graph& g, Tensor x, Gelu kind) { return g.apply(kOp, {x}, {{"kind", int64_t(kind)}})[0]; }

}  // namespace lorikeet
