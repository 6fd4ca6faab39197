#include "shaders/scale.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes&) {
  LK_TRY(expect_f32("x", inputs[0]));
  if (inputs[1]) LK_TRY(expect_vector("the factor", inputs[1], 1));
  return Shapes{{DType::f32, inputs[0].shape}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor &x = node.inputs[0], &factor = node.inputs[1];
  const int64_t elements = x.shape.elements();
  const auto choice = [&](std::string_view name, std::string_view kernel, int64_t width) {
    const shader::ScaleParams params{uint32_t(elements / width), float(node.attributes.number("by"))};
    Dispatch dispatch{.kernel = std::string(kernel),
                      .constants = {{0, bool(factor)}},
                      .operands = {Operand::of(x), Operand::of(factor ? factor : x), Operand::of(node.outputs[0])},
                      .params = params_bytes(params),
                      .groups = spread((elements / width + 63) / 64)};
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  if (elements % 4 == 0) choice("vec4", "scale/vec4", 4);
  choice("scalar", "scale/float", 1);
}

// The factor is a number from outside or the gradient of a loss: it has no gradient itself.
Tensors backward(const Backward& b) {
  if (b.wanted[1]) b.graph.fail(unsupported("[scale] the factor has no gradient."));
  return {scale(b.graph, b.gradients[0], b.node.attributes.number("by"), b.node.inputs[1]), {}};
}

const Op kOp = {.name = "scale", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor scale(Graph& g, Tensor x, double by, Tensor factor) { return g.apply(kOp, {x, factor}, {{"by", by}})[0]; }

}  // namespace lorikeet
