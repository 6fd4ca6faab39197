#include "shaders/fill.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs, const Attributes& attributes) {
  const Shape result{attributes.integer("elements")};
  LK_TRY(expect_f32("the result", Tensor{0, DType::f32, result}));
  return Shapes{{DType::f32, result}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor& y = node.outputs[0];
  const uint32_t count = uint32_t(y.shape.elements());
  Dispatch dispatch{.kernel = "fill",
                    .operands = {Operand::of(y)},
                    .params = params_bytes(shader::FillParams{count, float(node.attributes.number("value"))}),
                    .groups = spread((int64_t(count) + 63) / 64)};
  choices.push_back({.name = "scalar", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "fill", .shape = shape, .lower = lower};

}  // namespace

Tensor fill(Graph& g, int64_t elements, double value) {
  return g.apply(kOp, {}, {{"elements", elements}, {"value", value}})[0];
}

}  // namespace lorikeet
