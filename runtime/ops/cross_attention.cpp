#include "shaders/cross_attention.h"

#include <cmath>

#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

// Some drivers silently end an invocation's loops after 65,535 turns; two loops go over the rows.
constexpr int64_t kMaxRows = 30000;

Result<Shapes> shape(Inputs inputs, const Attributes&) {
  const Tensor &query = inputs[0], &text = inputs[1];
  LK_TRY(expect_f32("query", query));
  LK_TRY(expect_f32("text", text));
  LK_TRY(expect_words("control", inputs[2]));
  const int64_t columns = text.shape.columns(), rows = text.shape.rows();
  if (query.shape.elements() != columns)
    return invalid(join("query is ", query.shape.text(), ", expected (1, ", columns, ")."));
  if (rows > kMaxRows) return invalid(join("text has ", rows, " rows, at most ", kMaxRows, " are supported."));
  return Shapes{{DType::f32, {rows}}, {DType::f32, {1, columns}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  constexpr uint32_t kLanes = 64;
  const Tensor &query = node.inputs[0], &text = node.inputs[1], &control = node.inputs[2];
  const int64_t columns = text.shape.columns(), rows = text.shape.rows();
  const shader::CrossAttentionParams params{uint32_t(rows), uint32_t(columns), float(1 / std::sqrt(double(columns)))};
  const Operand scores = Operand::of_scratch(0);
  Choice choice{.name = "plain", .scratch = {uint64_t(rows) * 4}};
  choice.dispatches.push_back({.kernel = "cross_attention_scores",
                               .constants = {{0, kLanes}},
                               .operands = {Operand::of(query), Operand::of(text), Operand::of(control), scores},
                               .params = params_bytes(params),
                               .groups = spread(rows),
                               .flops = 2.0 * double(text.shape.elements())});
  choice.dispatches.push_back({.kernel = "cross_attention",
                               .constants = {{0, kLanes}},
                               .operands = {scores, Operand::of(text), Operand::of(control),
                                            Operand::of(node.outputs[0]), Operand::of(node.outputs[1])},
                               .params = params_bytes(params),
                               .groups = {groups_for(columns, kLanes), 1, 1},
                               .flops = 2.0 * double(text.shape.elements())});
  choices.push_back(std::move(choice));
}

// With a = softmax(s), s = scale query text^T and pooled = a text; text of rows that are not in use counts as zero.
Tensors backward(const Backward& b) {
  Graph& g = b.graph;
  const Tensor &query = b.node.inputs[0], &text = b.node.inputs[1], attention = b.node.outputs[0];
  const int64_t rows = text.shape.rows(), columns = text.shape.columns();
  const Tensor dpooled = b.gradients[1];
  Tensor dattention = b.gradients[0] ? g.reshape(b.gradients[0], {1, rows}) : Tensor{};
  if (dpooled) dattention = gemm(g, {.a = dpooled, .b = text, .addend = dattention, .transpose_b = true});
  const Tensor a = g.reshape(attention, {1, rows});
  const Tensor ds = scale(g, softmax_grad(g, a, dattention), 1 / std::sqrt(double(columns)));  // (1, rows)
  Tensor dquery, dtext;
  if (b.wanted[0]) dquery = gemm(g, {.a = ds, .b = text});
  if (b.wanted[1]) {
    dtext = gemm(g, {.a = ds, .b = g.reshape(query, {1, columns}), .transpose_a = true});
    if (dpooled) dtext = gemm(g, {.a = a, .b = dpooled, .addend = dtext, .transpose_a = true});
  }
  return {dquery, dtext, {}};
}

const Op kOp = {.name = "cross_attention", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

CrossAttention cross_attention(Graph& g, Tensor query, Tensor text, Tensor control) {
  const Tensors made = g.apply(kOp, {query, text, control});
  return {made[0], made[1]};
}

}  // namespace lorikeet
