#include "runtime/ops/expert_gemm.h"
#include "shaders/scale_pairs.h"

namespace lorikeet {
namespace {

enum Input { kOutputs, kTotal, kList };

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("outputs", in[kOutputs]));
  LK_TRY(expect_f32("the total", in[kTotal]));
  const Shape expected{a.integer("rows"), in[kOutputs].shape.columns()};
  if (!(in[kTotal].shape == expected))
    return invalid(join("the total is ", in[kTotal].shape.text(), ", expected ", expected.text(), "."));
  const Shape per_expert{a.integer("rows"), a.integer("experts")};
  return Shapes{{DType::f32, per_expert}, {DType::f32, per_expert}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Node& sort = *maker_of_list(g, node.inputs[kList]);
  const WorkListShape shape = work_list_shape(sort);
  const shader::PairParams params{.rows = uint32_t(shape.rows),
                                  .columns = uint32_t(node.inputs[kTotal].shape.columns()),
                                  .experts = uint32_t(shape.experts),
                                  .share = 1,
                                  .places_at = WorkListLayout(g, sort, profile).places_at(),
                                  .scale = float(node.attributes.number("share"))};
  Dispatch dispatch{.kernel = "expert_errors",
                    .constants = {{0, 64}},
                    .params = params_bytes(params),
                    .groups = spread(shape.rows),
                    .bytes = uint64_t(shape.pairs() * params.columns) * 4};
  for (const Tensor& tensor : node.inputs) dispatch.operands.push_back(Operand::of(tensor));
  for (const Tensor& tensor : node.outputs) dispatch.operands.push_back(Operand::of(tensor));
  choices.push_back({.name = "row_a_group", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "expert_errors", .shape = shape, .lower = lower};

}  // namespace

ExpertErrors expert_errors(Graph& g, Tensor outputs, Tensor total, Tensor list, double share) {
  const Node* sort = expert_list(g, "expert_errors", list, outputs, false);
  if (!sort) return {};
  const WorkListShape shape = work_list_shape(*sort);
  if (shape.most != shape.experts || shape.share != 1) {
    g.fail(
        invalid(join("[expert_errors] each row must have all ", shape.experts, " experts and a routing of its own.")));
    return {};
  }
  const Tensors made =
      g.apply(kOp, {outputs, total, list}, {{"rows", shape.rows}, {"experts", shape.experts}, {"share", share}});
  return {made[0], made[1]};
}

}  // namespace lorikeet
