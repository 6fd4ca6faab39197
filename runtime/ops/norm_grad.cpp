// The gradients of both norms: kernels of their own, everything else alike.
#include "shaders/norm_grad.h"

#include "runtime/ops/gradients.h"
#include "runtime/ops/norm.h"

namespace lorikeet {
namespace {

enum Input { kX, kWeight, kDy };

// The parts of the weight's gradient are made only where they are wanted.
Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_same_shape("x", in[kX], "dy", in[kDy]));
  LK_TRY(expect_vector("weight", in[kWeight], in[kX].shape.columns()));
  Shapes shapes{{DType::f32, in[kX].shape}};
  if (a.integer("parts") != 0) shapes.push_back({DType::f32, in[kX].shape});
  return shapes;
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const int64_t columns = node.inputs[kX].shape.columns(), rows = node.inputs[kX].shape.rows();
  const uint32_t weight_at = first_element(g, node.inputs[kWeight]);
  const bool parts = node.outputs.size() > 1;
  const auto choice = [&](std::string_view name, std::string_view type, uint32_t width) {
    const shader::NormGradParams params{uint32_t(rows), uint32_t(columns) / width, weight_at / width,
                                        1.0f / float(columns), float(node.attributes.number("eps"))};
    Dispatch dispatch{
        .kernel = join(node.op->name, "/", type),
        .constants = {{0, norm_lanes(profile, columns)}, {1, parts}},
        .operands = {Operand::of(node.inputs[kX]), Operand::of(node.inputs[kWeight]), Operand::of(node.inputs[kDy]),
                     Operand::of(node.outputs[0]), Operand::of(node.outputs.back())},
        .params = params_bytes(params),
        .groups = spread(rows)};
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  if (multiples_of_4({columns, weight_at})) choice("vec4", "vec4", 4);
  choice("scalar", "float", 1);
}

const Op kRmsNorm = {.name = "rms_norm_grad", .shape = shape, .lower = lower};
const Op kLayerNorm = {.name = "layer_norm_grad", .shape = shape, .lower = lower};

NormGrad apply(Graph& g, const Op& op, const Tensors& inputs, double eps, bool weight_wanted) {
  const Tensors made = g.apply(op, inputs, {{"eps", eps}, {"parts", int64_t(weight_wanted)}});
  return {made[0], weight_wanted ? sum_rows(g, made[1]) : Tensor{}};
}

}  // namespace

NormGrad rms_norm_grad(Graph& g, Tensor x, Tensor weight, Tensor dy, double eps, bool weight_wanted) {
  return apply(g, kRmsNorm, {x, weight, dy}, eps, weight_wanted);
}

NormGrad layer_norm_grad(Graph& g, Tensor x, Tensor weight, Tensor dy, double eps, bool weight_wanted) {
  return apply(g, kLayerNorm, {x, weight, dy}, eps, weight_wanted);
}

}  // namespace lorikeet
