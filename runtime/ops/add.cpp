#include "runtime/ops/ops.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

const Op kOp = {
    .name = "add",
    .shape = [](Inputs inputs, const Attributes&) { return pointwise_shape(inputs, "a", "b"); },
    .lower = [](const Graph&, const Node& node, const DeviceProfile& profile,
                Choices& choices) { lower_pointwise(node, profile, "add", choices); },
    .backward =
        [](const Backward& b) {
          return Tensors{b.gradients[0], b.gradients[0]};
        },
};

}  // namespace

Tensor add(Graph& g, Tensor a, Tensor b) { return g.apply(kOp, {a, b})[0]; }

}  // namespace lorikeet
