#include "runtime/ops/gradients.h"
#include "runtime/ops/span_attention.h"

namespace lorikeet {
namespace {

enum Input { kQ, kK, kV, kSpans, kY, kLogSums, kDy };

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_span_attention(in[kQ], in[kK], in[kV], in[kSpans], a));
  LK_TRY(expect_same_shape("y", in[kY], "q", in[kQ]));
  LK_TRY(expect_same_shape("dy", in[kDy], "q", in[kQ]));
  return Shapes{{DType::f32, in[kQ].shape}, {DType::f32, in[kK].shape}, {DType::f32, in[kV].shape}};
}

void lower(const Graph&, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const int64_t heads = node.attributes.integer("heads"), kv_heads = node.attributes.integer("kv_heads");
  const int64_t pairs = node.inputs[kQ].shape.rows() * heads;
  const Operand sums = Operand::of_scratch(0), dy = Operand::of(node.inputs[kDy]);
  Choice choice{.name = "row_a_lane", .scratch = {uint64_t(pairs) * 8}};
  choice.dispatches = {
      {.kernel = "span_attention_sums",
       .constants = {{0, uint32_t(node.attributes.integer("head_dim"))}},
       .operands = {Operand::of(node.inputs[kY]), dy, Operand::of(node.inputs[kLogSums]), sums},
       .params = params_bytes(span_params(node)),
       .groups = spread((pairs + 63) / 64)},
      span_dispatch(node, profile, "span_attention_grad_q", heads, {dy, sums, Operand::of(node.outputs[0])}),
      span_dispatch(node, profile, "span_attention_grad_kv", kv_heads,
                    {dy, sums, Operand::of(node.outputs[1]), Operand::of(node.outputs[2])})};
  choices.push_back(std::move(choice));
}

const Op kOp = {.name = "span_attention_grad", .shape = shape, .lower = lower};

}  // namespace

SpanAttentionGrad span_attention_grad(Graph& g, const Node& forward, Tensor dy) {
  Tensors inputs = forward.inputs;
  inputs.insert(inputs.end(), {forward.outputs[0], forward.outputs[1], dy});
  const Tensors made = g.apply(kOp, inputs, forward.attributes);
  return {made[0], made[1], made[2]};
}

}  // namespace lorikeet
