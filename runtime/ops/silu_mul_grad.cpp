#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"
#include "shaders/pointwise.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes&) {
  LK_TRY(expect_same_shape("gate", in[0], "up", in[1]));
  LK_TRY(expect_same_shape("gate", in[0], "dy", in[2]));
  return Shapes{{DType::f32, in[0].shape}, {DType::f32, in[0].shape}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const int64_t elements = node.outputs[0].shape.elements();
  const auto choice = [&](std::string_view name, std::string_view kernel, int64_t width) {
    Dispatch dispatch{.kernel = std::string(kernel),
                      .params = params_bytes(shader::PointwiseParams{uint32_t(elements / width), 1}),
                      .groups = spread((elements / width + 63) / 64)};
    for (const Tensor& tensor : node.inputs) dispatch.operands.push_back(Operand::of(tensor));
    for (const Tensor& tensor : node.outputs) dispatch.operands.push_back(Operand::of(tensor));
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  if (elements % 4 == 0) choice("vec4", "silu_mul_grad/vec4", 4);
  choice("scalar", "silu_mul_grad/float", 1);
}

const Op kOp = {.name = "silu_mul_grad", .shape = shape, .lower = lower};

}  // namespace

SiluMulGrad silu_mul_grad(Graph& g, Tensor gate, Tensor up, Tensor dy) {
  const Tensors outputs = g.apply(kOp, {gate, up, dy});
  return {outputs[0], outputs[1]};
}

}  // namespace lorikeet
