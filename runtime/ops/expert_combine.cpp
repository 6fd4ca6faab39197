#include "shaders/expert_combine.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"
#include "runtime/ops/work_list.h"

namespace lorikeet {
namespace {

enum Input { kOutputs, kWeights, kList, kResidual };

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("outputs", in[kOutputs]));
  LK_TRY(expect_f32("weights", in[kWeights]));
  const Shape result{a.integer("rows"), in[kOutputs].shape.columns()};
  if (in[kResidual] && !(in[kResidual].shape == result))
    return invalid(join("the residual is ", in[kResidual].shape.text(), ", expected ", result.text(), "."));
  return Shapes{{DType::f32, result}};
}

void lower(const Graph& graph, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Node& sort = *maker_of_list(graph, node.inputs[kList]);
  const WorkListShape shape = work_list_shape(sort);
  const Tensor& y = node.outputs[0];
  const bool residual = bool(node.inputs[kResidual]);
  const auto choice = [&](std::string_view name, std::string_view kernel, uint32_t width) {
    const uint32_t columns = uint32_t(y.shape.columns()) / width;
    const uint32_t lanes = profile.kind == DeviceKind::cpu ? 64 : std::min<uint32_t>(256, profile.max_workgroup_lanes);
    const shader::ExpertCombineParams params{uint32_t(shape.rows),
                                             columns,
                                             uint32_t(shape.experts),
                                             uint32_t(shape.share),
                                             WorkListLayout(graph, sort, profile).places_at(),
                                             float(node.attributes.number("residual_scale", 1))};
    const auto [groups_y, groups_z] = spread_yz(shape.rows);
    Dispatch dispatch{.kernel = std::string(kernel),
                      .constants = {{0, lanes},
                                    {1, residual},
                                    {2, uint32_t(node.attributes.integer("weighted", 1))},
                                    {3, uint32_t(node.attributes.integer("round_bf16"))}},
                      .operands = {Operand::of(node.inputs[kOutputs]), Operand::of(node.inputs[kWeights]),
                                   Operand::of(node.inputs[kList]),
                                   Operand::of(node.inputs[residual ? kResidual : kOutputs]), Operand::of(y)},
                      .params = params_bytes(params),
                      .groups = {groups_for(columns, lanes), groups_y, groups_z},
                      .bytes = uint64_t((shape.pairs() + shape.rows * (residual ? 2 : 1)) * y.shape.columns()) * 4};
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  if (multiples_of_4({y.shape.columns()})) choice("vec4", "expert_combine/vec4", 4);
  choice("scalar", "expert_combine/float", 1);
}

Tensors backward(const Backward& b) {
  Graph& g = b.graph;
  const Tensor &outputs = b.node.inputs[kOutputs], &weights = b.node.inputs[kWeights], &list = b.node.inputs[kList];
  const Tensor dy = b.gradients[0];
  if (b.node.attributes.integer("round_bf16")) {
    g.fail(unsupported("[expert_combine] has no gradient where it rounds to bf16."));
    return {};
  }
  Tensor doutputs, dweights, dresidual;
  if (b.wanted[kOutputs]) doutputs = scale_pairs(g, {.x = dy, .weights = weights, .list = list, .gather = true});
  if (b.wanted[kWeights])
    dweights = pair_dot(g, {.a = outputs, .b = dy, .weights = weights, .list = list, .gather_b = true});
  if (b.wanted[kResidual]) dresidual = scale(g, dy, b.node.attributes.number("residual_scale", 1));
  return {doutputs, dweights, {}, dresidual};
}

const Op kOp = {.name = "expert_combine", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor expert_combine(Graph& g, const ExpertCombine& parts) {
  const Node* sort = maker_of_list(g, parts.list);
  if (!sort || !(sort->inputs[0].shape == parts.weights.shape)) {
    g.fail(invalid("[expert_combine] the list must come from sort_rows of weights for the same rows and experts."));
    return {};
  }
  const WorkListShape shape = work_list_shape(*sort);
  if (parts.outputs && parts.outputs.shape.rows() != shape.pairs()) {
    g.fail(invalid(join("[expert_combine] outputs has ", parts.outputs.shape.rows(), " rows, the list is of ",
                        shape.pairs(), " pairs.")));
    return {};
  }
  return g.apply(kOp, {parts.outputs, parts.weights, parts.list, parts.residual},
                 {{"rows", shape.rows},
                  {"weighted", int64_t(parts.weighted)},
                  {"residual_scale", parts.residual_scale},
                  {"round_bf16", int64_t(parts.round_bf16)}})[0];
}

}  // namespace lorikeet
