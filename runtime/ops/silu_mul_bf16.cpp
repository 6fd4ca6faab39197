#include "runtime/ops/ops.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

const Op kOp = {
    .name = "silu_mul_bf16",
    .shape = [](Inputs inputs, const Attributes&) { return pointwise_shape(inputs, "gate", "up"); },
    .lower = [](const Graph&, const Node& node, const DeviceProfile& profile,
                Choices& choices) { lower_pointwise(node, profile, "silu_mul_bf16", choices); },
};

}  // namespace

Tensor silu_mul_bf16(Graph& g, Tensor gate, Tensor up) { return g.apply(kOp, {gate, up})[0]; }

}  // namespace lorikeet
