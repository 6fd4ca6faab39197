#include "shaders/add_bias.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/product.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes&) {
  LK_TRY(expect_f32("x", in[0]));
  LK_TRY(expect_vector("bias", in[1], in[0].shape.columns()));
  return Shapes{{DType::f32, in[0].shape}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Tensor& y = node.outputs[0];
  const uint32_t rows = uint32_t(y.shape.rows()), bias_at = first_element(g, node.inputs[1]);
  const auto choice = [&](std::string_view name, std::string_view kernel, uint32_t width) {
    const uint32_t columns = uint32_t(y.shape.columns()) / width;
    const uint32_t turns = profile.kind == DeviceKind::cpu ? 16 : 1;
    const auto [groups_y, groups_z] = spread_yz(groups_for(rows, turns));
    choices.push_back(
        {.name = std::string(name),
         .dispatches = {{.kernel = std::string(kernel),
                         .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(y)},
                         .params = params_bytes(shader::AddBiasParams{rows, columns, bias_at / width, turns}),
                         .groups = {groups_for(columns, 64), groups_y, groups_z}}}});
  };
  if (multiples_of_4({y.shape.columns(), int64_t(bias_at)})) choice("vec4", "add_bias/vec4", 4);
  choice("scalar", "add_bias/float", 1);
}

Tensors backward(const Backward& b) {
  return {b.gradients[0], b.wanted[1] ? sum_rows(b.graph, b.gradients[0]) : Tensor{}};
}

const Op kOp = {.name = "add_bias", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor add_bias(Graph& g, Tensor x, Tensor bias) { return g.apply(kOp, {x, bias})[0]; }

}  // namespace lorikeet
