#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"
#include "shaders/sum_rows.h"

namespace lorikeet {
namespace {

constexpr int64_t kPart = 4096;  // elements of a workgroup

Result<Shapes> shape(Inputs in, const Attributes&) {
  LK_TRY(expect_f32("x", in[0]));
  return Shapes{{DType::f32, {(in[0].shape.elements() + kPart - 1) / kPart, 1}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const int64_t elements = node.inputs[0].shape.elements();
  Dispatch dispatch{.kernel = "sum_squares",
                    .operands = {Operand::of(node.inputs[0]), Operand::of(node.outputs[0])},
                    .params = params_bytes(shader::SumRowsParams{uint32_t(elements), 1, uint32_t(kPart)}),
                    .groups = spread(node.outputs[0].shape.elements())};
  choices.push_back({.name = "parts", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "sum_squares", .shape = shape, .lower = lower};

}  // namespace

Tensor sum_squares(Graph& g, Tensor x) { return sum_rows(g, g.apply(kOp, {x})[0]); }

}  // namespace lorikeet
