#include "shaders/softmax_loss.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> result(Inputs in) {
  LK_TRY(expect_f32("logits", in[0]));
  LK_TRY(expect_vector("weights", in[2], in[0].shape.rows()));
  return Shapes{{DType::f32, {in[0].shape.rows()}}, {DType::f32, in[0].shape}};
}

Result<Shapes> shape(Inputs in, const Attributes&) {
  const int64_t rows = in[0].shape.rows();
  LK_TRY(expect_words("target", in[1]));
  if (in[1].shape.elements() != rows)
    return invalid(join("target has ", in[1].shape.elements(), " elements, logits ", rows, " rows."));
  return result(in);
}

Result<Shapes> divergence_shape(Inputs in, const Attributes&) {
  LK_TRY(expect_same_shape("logits", in[0], "wanted", in[1]));
  return result(in);
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Shape& logits = node.inputs[0].shape;
  Dispatch dispatch{
      .kernel = std::string(node.op->name),
      .params = params_bytes(shader::SoftmaxLossParams{uint32_t(logits.rows()), uint32_t(logits.columns())}),
      .groups = spread(logits.rows())};
  for (const Tensor& tensor : node.inputs) dispatch.operands.push_back(Operand::of(tensor));
  for (const Tensor& tensor : node.outputs) dispatch.operands.push_back(Operand::of(tensor));
  choices.push_back({.name = "row_a_group", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "softmax_loss", .shape = shape, .lower = lower};
const Op kDivergence = {.name = "softmax_divergence", .shape = divergence_shape, .lower = lower};

}  // namespace

SoftmaxLoss softmax_loss(Graph& g, Tensor logits, Tensor target, Tensor weights) {
  const Tensors made = g.apply(kOp, {logits, target, weights});
  return {made[0], made[1]};
}

SoftmaxLoss softmax_divergence(Graph& g, Tensor logits, Tensor wanted, Tensor weights) {
  const Tensors made = g.apply(kDivergence, {logits, wanted, weights});
  return {made[0], made[1]};
}

}  // namespace lorikeet
