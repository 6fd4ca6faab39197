#include "runtime/ops/ops.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

Tensors backward(const Backward& b) {
  const Tensor dy = b.gradients[0];
  return {b.wanted[0] ? mul(b.graph, dy, b.node.inputs[1]) : Tensor{},
          b.wanted[1] ? mul(b.graph, dy, b.node.inputs[0]) : Tensor{}};
}

const Op kOp = {
    .name = "mul",
    .shape = [](Inputs inputs, const Attributes&) { return pointwise_shape(inputs, "a", "b"); },
    .lower = [](const Graph&, const Node& node, const DeviceProfile& profile,
                Choices& choices) { lower_pointwise(node, profile, "mul", choices); },
    .backward = backward,
};

}  // namespace

Tensor mul(Graph& g, Tensor a, Tensor b) { return g.apply(kOp, {a, b})[0]; }

}  // namespace lorikeet
