#include "runtime/ops/ops.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

const Op kOp = {
    .name = "mul",
    .shape = [](Inputs inputs, const Attributes&) { return pointwise_shape(inputs, "a", "b"); },
    .lower = [](const Graph&, const Node& node, const DeviceProfile& profile,
                Choices& choices) { lower_pointwise(node, profile, "mul", choices); },
};

}  // namespace

Tensor mul(Graph& g, Tensor a, Tensor b) { return g.apply(kOp, {a, b})[0]; }

}  // namespace lorikeet
