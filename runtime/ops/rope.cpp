#include "shaders/rope.h"

#include "runtime/ops/ops.h"
#include "runtime/ops/rope_streams.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes& attributes) {
  const int64_t heads = attributes.integer("heads"), head_dim = attributes.integer("head_dim");
  LK_TRY(expect_f32("x", inputs[0]));
  LK_TRY(expect_rows("rows", inputs[0].shape.rows()));
  LK_TRY(expect_rotary(heads, head_dim));
  if (inputs[0].shape.columns() != heads * head_dim)
    return invalid(
        join("x is ", inputs[0].shape.text(), ", its last axis must be ", heads, " heads * ", head_dim, "."));
  LK_TRY(expect_vector("frequencies", inputs[1], head_dim / 2));
  LK_TRY(expect_words("control", inputs[2]));
  return Shapes{{DType::f32, inputs[0].shape}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const int64_t heads = node.attributes.integer("heads"), head_dim = node.attributes.integer("head_dim");
  const int64_t rows = node.inputs[0].shape.rows(), streams = rope_streams(profile, rows, heads);
  const shader::RopeParams params{.heads = uint32_t(heads),
                                  .kv_heads = 0,
                                  .head_dim = uint32_t(head_dim),
                                  .frequencies_at = first_element(g, node.inputs[1]),
                                  .interleaved = uint32_t(node.attributes.integer("interleaved")),
                                  .factor = float(node.attributes.number("factor", 1)),
                                  .streams = uint32_t(streams),
                                  .places = 0,
                                  .back = uint32_t(node.attributes.integer("back"))};
  Dispatch dispatch{.kernel = "rope",
                    .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(node.inputs[2]),
                                 Operand::of(node.outputs[0])},
                    .params = params_bytes(params),
                    .groups = {groups_for(streams * head_dim / 2, 64), uint32_t(rows), 1}};
  choices.push_back({.name = "pairs", .dispatches = {std::move(dispatch)}});
}

Tensors backward(const Backward& b);

const Op kOp = {.name = "rope", .shape = shape, .lower = lower, .backward = backward};

// A turn by the opposite angle.
Tensors backward(const Backward& b) {
  Attributes attributes = b.node.attributes;
  attributes.set("back", int64_t(attributes.integer("back") == 0));
  return b.graph.apply(kOp, {b.gradients[0], b.node.inputs[1], b.node.inputs[2]}, attributes);
}

}  // namespace

Tensor rope(Graph& g, Tensor x, Tensor frequencies, Tensor control, const RopeAttributes& a) {
  return g.apply(
      kOp, {x, frequencies, control},
      {{"heads", a.heads}, {"head_dim", a.head_dim}, {"interleaved", int64_t(a.interleaved)}, {"factor", a.factor}})[0];
}

}  // namespace lorikeet
