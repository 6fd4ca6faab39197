#include "runtime/ops/ops.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

const Op kOp = {
    .name = "round_bf16",
    .shape = [](Inputs inputs, const Attributes&) -> Result<Shapes> {
      LK_TRY(expect_f32("x", inputs[0]));
      return Shapes{{DType::f32, inputs[0].shape}};
    },
    .lower = [](const Graph&, const Node& node, const DeviceProfile& profile,
                Choices& choices) { lower_pointwise(node, profile, "round_bf16", choices); },
};

}  // namespace

Tensor round_bf16(Graph& g, Tensor x) { return g.apply(kOp, {x})[0]; }

}  // namespace lorikeet
