#include "shaders/log_prob.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes&) {
  LK_TRY(expect_f32("logits", inputs[0]));
  LK_TRY(expect_words("target", inputs[1]));
  const int64_t rows = inputs[0].shape.rows();
  if (inputs[1].shape.elements() != rows)
    return invalid(join("target has ", inputs[1].shape.elements(), " elements, logits ", rows, " rows."));
  return Shapes{{DType::f32, {rows}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const int64_t rows = node.inputs[0].shape.rows();
  Dispatch dispatch{
      .kernel = "log_prob",
      .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(node.outputs[0])},
      .params = params_bytes(shader::LogProbParams{uint32_t(rows), uint32_t(node.inputs[0].shape.columns())}),
      .groups = spread(rows)};
  choices.push_back({.name = "row_a_group", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "log_prob", .shape = shape, .lower = lower};

}  // namespace

Tensor log_prob(Graph& g, Tensor logits, Tensor target) { return g.apply(kOp, {logits, target})[0]; }

}  // namespace lorikeet
