#include "runtime/ops/gradients.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

void lower(const Graph&, const Node& node, const DeviceProfile& profile, Choices& choices) {
  static constexpr const char* kKernels[] = {"gelu_grad/erf", "gelu_grad/tanh", "gelu_grad/quick"};
  lower_pointwise(node, profile, kKernels[node.attributes.integer("kind")], choices);
}

const Op kOp = {
    .name = "gelu_grad",
    .shape = [](Inputs inputs, const Attributes&) { return pointwise_shape(inputs, "x", "dy"); },
    .lower = lower,
};

}  // namespace

Tensor gelu_grad(Graph& g, Tensor x, Tensor dy, Gelu kind) {
  return g.apply(kOp, {x, dy}, {{"kind", int64_t(kind)}})[0];
}

}  // namespace lorikeet
