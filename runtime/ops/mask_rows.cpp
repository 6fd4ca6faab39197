#include "shaders/mask_rows.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("x", in[0]));
  LK_TRY(expect_words("control", in[1]));
  if (const int64_t adapter = a.integer("adapter"); adapter < 0 || adapter > 31)
    return invalid(join("the adapter's number is ", adapter, ", expected 0 to 31."));
  return Shapes{{DType::f32, in[0].shape}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Shape& x = node.inputs[0].shape;
  const shader::MaskRowsParams params{uint32_t(x.rows()), uint32_t(x.columns()),
                                      uint32_t(node.attributes.integer("adapter")),
                                      uint32_t(node.attributes.integer("inverted"))};
  Dispatch dispatch{
      .kernel = "mask_rows",
      .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(node.outputs[0])},
      .params = params_bytes(params),
      .groups = spread((x.elements() + 63) / 64)};
  choices.push_back({.name = "scalar", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "mask_rows", .shape = shape, .lower = lower, .saved = true};

}  // namespace

Tensor mask_rows(Graph& g, Tensor x, Tensor control, int64_t adapter, bool inverted) {
  return g.apply(kOp, {x, control}, {{"adapter", adapter}, {"inverted", int64_t(inverted)}})[0];
}

}  // namespace lorikeet
