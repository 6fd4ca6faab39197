#include "runtime/ops/pointwise.h"

#include "shaders/pointwise.h"

namespace lorikeet {

Result<Shapes> pointwise_shape(Inputs inputs, std::string_view a, std::string_view b) {
  LK_TRY(expect_same_shape(a, inputs[0], b, inputs[1]));
  return Shapes{{DType::f32, inputs[0].shape}};
}

int64_t pointwise_turns(int64_t elements, const DeviceProfile& profile) {
  const int64_t wanted_groups = profile.kind == DeviceKind::cpu ? 32 : 2048;
  return std::clamp<int64_t>((elements + 64 * wanted_groups - 1) / (64 * wanted_groups), 1, 64);
}

void lower_pointwise(Inputs operands, int64_t elements, const DeviceProfile& profile, std::string_view kernel,
                     Choices& choices) {
  const auto choice = [&](std::string_view name, int64_t width) {
    const int64_t count = elements / width;
    const int64_t turns = pointwise_turns(count, profile);
    Dispatch dispatch{.kernel = join(kernel, width == 4 ? "/vec4" : "/float")};
    for (const Tensor& operand : operands) dispatch.operands.push_back(Operand::of(operand));
    dispatch.params = params_bytes(shader::PointwiseParams{uint32_t(count), uint32_t(turns)});
    dispatch.groups = spread((count + 64 * turns - 1) / (64 * turns));
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  if (elements % 4 == 0) choice("vec4", 4);
  choice("scalar", 1);
}

void lower_pointwise(const Node& node, const DeviceProfile& profile, std::string_view kernel, Choices& choices) {
  Tensors operands = node.inputs;
  operands.push_back(node.outputs[0]);
  lower_pointwise(operands, node.outputs[0].shape.elements(), profile, kernel, choices);
}

}  // namespace lorikeet
