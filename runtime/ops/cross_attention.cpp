#include "shaders/cross_attention.h"

#include <cmath>

#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

// Some drivers silently end an invocation's loops after 65,535 turns; two loops go over the rows.
constexpr int64_t kMaxRows = 30000;
constexpr uint32_t kLanes = 64;

int64_t rows_of(Tensor query, Tensor text) { return text.shape.rows() / query.shape.rows(); }

Dispatch scores(const Tensor& query, const Tensor& text, const Tensor& control, double scale, Operand into) {
  const int64_t queries = query.shape.rows(), rows = rows_of(query, text), columns = text.shape.columns();
  return {.kernel = "cross_attention_scores",
          .constants = {{0, kLanes}},
          .operands = {Operand::of(query), Operand::of(text), Operand::of(control), into},
          .params = params_bytes(
              shader::CrossAttentionParams{uint32_t(queries), uint32_t(rows), uint32_t(columns), float(scale)}),
          .groups = spread(queries * rows),
          .flops = 2.0 * double(text.shape.elements())};
}

double scale_of(Tensor text) { return 1 / std::sqrt(double(text.shape.columns())); }

Result<Shapes> shape(Inputs inputs, const Attributes&) {
  const Tensor &query = inputs[0], &text = inputs[1];
  LK_TRY(expect_f32("query", query));
  LK_TRY(expect_f32("text", text));
  LK_TRY(expect_words("control", inputs[2]));
  const int64_t queries = query.shape.rows(), columns = text.shape.columns();
  if (query.shape.columns() != columns)
    return invalid(join("query is ", query.shape.text(), ", expected (queries, ", columns, ")."));
  if (text.shape.rows() % queries != 0)
    return invalid(join("text has ", text.shape.rows(), " rows, expected as many for each of ", queries, " queries."));
  const int64_t rows = rows_of(query, text);
  if (rows > kMaxRows) return invalid(join("text has ", rows, " rows, at most ", kMaxRows, " are supported."));
  return Shapes{{DType::f32, {queries, rows}}, {DType::f32, {queries, columns}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor &query = node.inputs[0], &text = node.inputs[1], &control = node.inputs[2];
  const int64_t queries = query.shape.rows(), rows = rows_of(query, text), columns = text.shape.columns();
  const Operand made = Operand::of_scratch(0);
  Choice choice{.name = "plain", .scratch = {uint64_t(text.shape.rows()) * 4}};
  choice.dispatches.push_back(scores(query, text, control, scale_of(text), made));
  choice.dispatches.push_back(
      {.kernel = "cross_attention",
       .constants = {{0, kLanes}},
       .operands = {made, Operand::of(text), Operand::of(control), Operand::of(node.outputs[0]),
                    Operand::of(node.outputs[1])},
       .params = params_bytes(shader::CrossAttentionParams{uint32_t(queries), uint32_t(rows), uint32_t(columns), 1}),
       .groups = {groups_for(columns, kLanes), uint32_t(queries), 1},
       .flops = 2.0 * double(text.shape.elements())});
  choices.push_back(std::move(choice));
}

Tensors backward(const Backward& b) {
  Graph& g = b.graph;
  const Tensor &query = b.node.inputs[0], &text = b.node.inputs[1], &control = b.node.inputs[2];
  Tensor dattention = b.gradients[0], dpooled = b.gradients[1];
  if (dpooled) {
    const Tensor through = cross_attention_scores(g, dpooled, text, control);
    dattention = dattention ? add(g, dattention, through) : through;
  } else {
    dpooled = g.reshape(fill(g, query.shape.elements(), 0), query.shape);
  }
  const CrossAttentionGrad made = cross_attention_grad(g, {.query = query,
                                                           .text = text,
                                                           .control = control,
                                                           .attention = b.node.outputs[0],
                                                           .dattention = dattention,
                                                           .dpooled = dpooled});
  return {made.query, made.text, {}};
}

const Op kOp = {.name = "cross_attention", .shape = shape, .lower = lower, .backward = backward};

// --- what its gradient is made of
// --------------------------------------------------------------------------------------

Result<Shapes> scores_shape(Inputs in, const Attributes&) {
  return Shapes{{DType::f32, {in[0].shape.rows(), rows_of(in[0], in[1])}}};
}

void lower_scores(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  choices.push_back(
      {.name = "plain",
       .dispatches = {scores(node.inputs[0], node.inputs[1], node.inputs[2], 1, Operand::of(node.outputs[0]))}});
}

const Op kScoresOp = {.name = "cross_attention_scores", .shape = scores_shape, .lower = lower_scores};

enum GradInput { kQuery, kText, kControl, kAttention, kDattention, kDpooled };

Result<Shapes> grad_shape(Inputs in, const Attributes&) {
  LK_TRY(expect_same_shape("attention", in[kAttention], "dattention", in[kDattention]));
  LK_TRY(expect_same_shape("query", in[kQuery], "dpooled", in[kDpooled]));
  return Shapes{{DType::f32, in[kQuery].shape}, {DType::f32, in[kText].shape}};
}

void lower_grad(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor &query = node.inputs[kQuery], &text = node.inputs[kText];
  const int64_t queries = query.shape.rows(), rows = rows_of(query, text), columns = text.shape.columns();
  Dispatch dispatch{.kernel = "cross_attention_grad",
                    .constants = {{0, kLanes}},
                    .params = params_bytes(shader::CrossAttentionParams{uint32_t(queries), uint32_t(rows),
                                                                        uint32_t(columns), float(scale_of(text))}),
                    .groups = {groups_for(columns, kLanes), uint32_t(queries), 1},
                    .flops = 4.0 * double(text.shape.elements())};
  for (const Tensor& input : node.inputs) dispatch.operands.push_back(Operand::of(input));
  for (const Tensor& output : node.outputs) dispatch.operands.push_back(Operand::of(output));
  choices.push_back({.name = "plain", .dispatches = {std::move(dispatch)}});
}

const Op kGradOp = {.name = "cross_attention_grad", .shape = grad_shape, .lower = lower_grad};

}  // namespace

CrossAttention cross_attention(Graph& g, Tensor query, Tensor text, Tensor control) {
  const Tensors made = g.apply(kOp, {query, text, control});
  return {made[0], made[1]};
}

Tensor cross_attention_scores(Graph& g, Tensor query, Tensor text, Tensor control) {
  return g.apply(kScoresOp, {query, text, control})[0];
}

CrossAttentionGrad cross_attention_grad(Graph& g, const CrossAttentionGradParts& parts) {
  const Tensors made =
      g.apply(kGradOp, {parts.query, parts.text, parts.control, parts.attention, parts.dattention, parts.dpooled});
  return {made[0], made[1]};
}

}  // namespace lorikeet
