#include "runtime/ops/gradients.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

const Op kOp = {
    .name = "silu_mul",
    .shape = [](Inputs inputs, const Attributes&) { return pointwise_shape(inputs, "gate", "up"); },
    .lower = [](const Graph&, const Node& node, const DeviceProfile& profile,
                Choices& choices) { lower_pointwise(node, profile, "silu_mul", choices); },
    .backward =
        [](const Backward& b) {
          const SiluMulGrad d = silu_mul_grad(b.graph, b.node.inputs[0], b.node.inputs[1], b.gradients[0]);
          return Tensors{d.gate, d.up};
        },
};

}  // namespace

Tensor silu_mul(Graph& g, Tensor gate, Tensor up) { return g.apply(kOp, {gate, up})[0]; }

}  // namespace lorikeet
