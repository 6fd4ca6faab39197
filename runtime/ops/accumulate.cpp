#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"
#include "shaders/pointwise.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes&) {
  LK_TRY(expect_f32("the sum", in[0]));
  LK_TRY(expect_vector("x", in[1], in[0].shape.elements()));
  LK_TRY(expect_words("fresh", in[2]));
  return Shapes{};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const int64_t count = node.inputs[0].shape.elements();
  Dispatch dispatch{.kernel = "accumulate",
                    .params = params_bytes(shader::PointwiseParams{uint32_t(count), 1}),
                    .groups = spread((count + 63) / 64)};
  for (const Tensor& input : node.inputs) dispatch.operands.push_back(Operand::of(input));
  choices.push_back({.name = "scalar", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "accumulate", .shape = shape, .lower = lower};

}  // namespace

void accumulate(Graph& g, Tensor sum, Tensor x, Tensor fresh) { g.apply(kOp, {sum, x, fresh}); }

}  // namespace lorikeet
