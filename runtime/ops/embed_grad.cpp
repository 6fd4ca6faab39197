#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"
#include "shaders/embed.h"
#include "shaders/fill.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("dy", in[0]));
  LK_TRY(expect_words("control", in[1]));
  return Shapes{{DType::f32, {a.integer("rows"), in[0].shape.columns()}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor &dy = node.inputs[0], &y = node.outputs[0];
  shader::EmbedParams params{};
  params.rows = uint32_t(dy.shape.rows());
  params.columns = uint32_t(y.shape.columns());
  params.vocabulary = uint32_t(y.shape.rows());
  Dispatch dispatch{.kernel = "embed_grad",
                    .constants = {{0, uint32_t(node.attributes.integer("visual"))}},
                    .operands = {Operand::of(dy), Operand::of(node.inputs[1]), Operand::of(y)},
                    .params = params_bytes(params),
                    .groups = spread(dy.shape.rows())};
  // Far fewer rows than the table has: the rest is zero.
  const uint32_t count = uint32_t(y.shape.elements());
  Dispatch zeros{.kernel = "fill",
                 .operands = {Operand::of(y)},
                 .params = params_bytes(shader::FillParams{count, 0}),
                 .groups = spread((int64_t(count) + 63) / 64)};
  choices.push_back({.name = "row_a_group", .dispatches = {std::move(zeros), std::move(dispatch)}});
}

const Op kOp = {.name = "embed_grad", .shape = shape, .lower = lower};

}  // namespace

Tensor embed_grad(Graph& g, Tensor dy, Tensor control, int64_t rows, bool visual) {
  return g.apply(kOp, {dy, control}, {{"rows", rows}, {"visual", int64_t(visual)}})[0];
}

}  // namespace lorikeet
