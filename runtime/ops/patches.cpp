#include "shaders/patches.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes& attributes) {
  const Tensor& pixels = inputs[0];
  const int64_t size = attributes.integer("size");
  LK_TRY(expect_f32("pixels", pixels));
  if (pixels.shape.rank() != 3)
    return invalid(join("pixels is ", pixels.shape.text(), ", expected (channels, height, width)."));
  const int64_t channels = pixels.shape[0], height = pixels.shape[1], width = pixels.shape[2];
  if (size < 1 || height % size != 0 || width % size != 0)
    return invalid(join("a picture of ", width, " x ", height, " is not cut evenly into squares of ", size, "."));
  return Shapes{{DType::f32, {height / size * (width / size), channels * size * size}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor &pixels = node.inputs[0], &y = node.outputs[0];
  const shader::PatchesParams params{uint32_t(pixels.shape[0]), uint32_t(pixels.shape[1]), uint32_t(pixels.shape[2]),
                                     uint32_t(node.attributes.integer("size")), uint32_t(y.shape.elements())};
  choices.push_back({.name = "plain",
                     .dispatches = {{.kernel = "patches",
                                     .operands = {Operand::of(pixels), Operand::of(y)},
                                     .params = params_bytes(params),
                                     .groups = spread((y.shape.elements() + 63) / 64)}}});
}

const Op kOp = {.name = "patches", .shape = shape, .lower = lower};

}  // namespace

Tensor patches(Graph& g, Tensor pixels, int64_t size) { return g.apply(kOp, {pixels}, {{"size", size}})[0]; }

}  // namespace lorikeet
