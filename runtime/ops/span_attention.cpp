#include "runtime/ops/span_attention.h"
#include "runtime/ops/gradients.h"

namespace lorikeet {
namespace {

enum Input { kQ, kK, kV, kSpans };

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_span_attention(in[kQ], in[kK], in[kV], in[kSpans], a));
  return Shapes{{DType::f32, in[kQ].shape}, {DType::f32, {in[kQ].shape.rows(), a.integer("heads")}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile& profile, Choices& choices) {
  choices.push_back({.name = "row_a_lane",
                     .dispatches = {span_dispatch(node, profile, "span_attention", node.attributes.integer("heads"),
                                                  {Operand::of(node.outputs[0]), Operand::of(node.outputs[1])})}});
}

Tensors backward(const Backward& b) {
  const Node& node = b.node;
  if (b.gradients[1]) b.graph.fail(unsupported("[span_attention] has no gradient of its log sums."));
  const SpanAttentionGrad d = span_attention_grad(b.graph, node, b.gradients[0]);
  return {d.q, d.k, d.v, {}};
}

const Op kOp = {.name = "span_attention", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Status expect_span_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& spans,
                             const Attributes& a) {
  const int64_t heads = a.integer("heads"), kv_heads = a.integer("kv_heads"), head_dim = a.integer("head_dim");
  LK_TRY(expect_f32("q", q));
  LK_TRY(expect_same_shape("k", k, "v", v));
  LK_TRY(expect_words("spans", spans));
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0)
    return invalid(join(heads, " heads cannot share ", kv_heads, " heads of keys."));
  if (head_dim < 4 || head_dim % 4 != 0 || head_dim > 256)
    return invalid(join("head_dim is ", head_dim, ", expected a multiple of 4 up to 256."));
  const int64_t rows = q.shape.rows();
  if (q.shape.columns() != heads * head_dim || k.shape.columns() != kv_heads * head_dim || k.shape.rows() != rows)
    return invalid(join("q is ", q.shape.text(), " and k ", k.shape.text(), ", expected (rows, ", heads * head_dim,
                        ") and (rows, ", kv_heads * head_dim, ")."));
  if (spans.shape.elements() != rows * int64_t(shader::kSpanWords))
    return invalid(join("spans is ", spans.shape.text(), ", expected (", rows, ", ", shader::kSpanWords, ")."));
  if (rows * (heads / kv_heads) > kMaxSpanTurns)
    return invalid(join(rows, " rows of ", heads / kv_heads, " heads that share keys are more than ", kMaxSpanTurns,
                        " together: take fewer rows a step."));
  return Done{};
}

shader::SpanAttentionParams span_params(const Node& node) {
  return {uint32_t(node.inputs[kQ].shape.rows()), uint32_t(node.attributes.integer("heads")),
          uint32_t(node.attributes.integer("kv_heads")), float(node.attributes.number("scale"))};
}

Dispatch span_dispatch(const Node& node, const DeviceProfile& profile, std::string_view kernel, int64_t heads,
                       std::initializer_list<Operand> more) {
  const int64_t rows = node.inputs[kQ].shape.rows(), head_dim = node.attributes.integer("head_dim");
  const uint32_t lanes = profile.kind == DeviceKind::cpu ? std::clamp<uint32_t>(profile.subgroup_size, 8, 64) : 64;
  Dispatch dispatch{.kernel = std::string(kernel),
                    .constants = {{0, uint32_t(head_dim)}, {1, lanes}},
                    .operands = {Operand::of(node.inputs[kSpans]), Operand::of(node.inputs[kQ]),
                                 Operand::of(node.inputs[kK]), Operand::of(node.inputs[kV])},
                    .params = params_bytes(span_params(node)),
                    .groups = {groups_for(rows, lanes), uint32_t(heads), 1}};
  dispatch.operands.insert(dispatch.operands.end(), more.begin(), more.end());
  return dispatch;
}

Tensor span_attention(Graph& g, Tensor q, Tensor k, Tensor v, Tensor spans, const SpanAttentionAttributes& a) {
  const Tensors made =
      g.apply(kOp, {q, k, v, spans},
              {{"heads", a.heads}, {"kv_heads", a.kv_heads}, {"head_dim", a.head_dim}, {"scale", a.scale}});
  return made[0];
}

}  // namespace lorikeet
