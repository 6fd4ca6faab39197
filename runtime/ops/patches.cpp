#include "shaders/patches.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

// Of the squares that a picture (channels, height, width) is cut into.
Result<Shape> squares(const Shape& pixels, int64_t size) {
  if (pixels.rank() != 3) return invalid(join("pixels is ", pixels.text(), ", expected (channels, height, width)."));
  const int64_t channels = pixels[0], height = pixels[1], width = pixels[2];
  if (size < 1 || height % size != 0 || width % size != 0)
    return invalid(join("a picture of ", width, " x ", height, " is not cut evenly into squares of ", size, "."));
  return Shape{height / size * (width / size), channels * size * size};
}

void add_choice(const Node& node, const Shape& pixels, bool together, Choices& choices) {
  const shader::PatchesParams params{uint32_t(pixels[0]), uint32_t(pixels[1]), uint32_t(pixels[2]),
                                     uint32_t(node.attributes.integer("size")), uint32_t(pixels.elements())};
  choices.push_back({.name = "plain",
                     .dispatches = {{.kernel = "patches",
                                     .constants = {{0, together}},
                                     .operands = {Operand::of(node.inputs[0]), Operand::of(node.outputs[0])},
                                     .params = params_bytes(params),
                                     .groups = spread((pixels.elements() + 63) / 64)}}});
}

Result<Shapes> shape(Inputs inputs, const Attributes& attributes) {
  LK_TRY(expect_f32("pixels", inputs[0]));
  LK_ASSIGN(const Shape made, squares(inputs[0].shape, attributes.integer("size")));
  return Shapes{{DType::f32, made}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  add_choice(node, node.inputs[0].shape, false, choices);
}

Tensors backward(const Backward& b) {
  return {patches_grad(b.graph, b.gradients[0], b.node.inputs[0].shape, b.node.attributes.integer("size"))};
}

const Op kOp = {.name = "patches", .shape = shape, .lower = lower, .backward = backward};

// --- the gradient ----------------------------------------------------------------------------------------------------

Result<Shapes> grad_shape(Inputs inputs, const Attributes& a) {
  LK_TRY(expect_f32("dy", inputs[0]));
  const Shape pixels{a.integer("channels"), a.integer("height"), a.integer("width")};
  LK_ASSIGN(const Shape made, squares(pixels, a.integer("size")));
  if (!(inputs[0].shape == made))
    return invalid(join("dy is ", inputs[0].shape.text(), ", expected ", made.text(), "."));
  return Shapes{{DType::f32, pixels}};
}

void lower_grad(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  add_choice(node, node.outputs[0].shape, true, choices);
}

const Op kGrad = {.name = "patches_grad", .shape = grad_shape, .lower = lower_grad};

}  // namespace

Tensor patches(Graph& g, Tensor pixels, int64_t size) { return g.apply(kOp, {pixels}, {{"size", size}})[0]; }

Tensor patches_grad(Graph& g, Tensor dy, const Shape& pixels, int64_t size) {
  return g.apply(kGrad, {dy},
                 {{"channels", pixels[0]}, {"height", pixels[1]}, {"width", pixels[2]}, {"size", size}})[0];
}

}  // namespace lorikeet
