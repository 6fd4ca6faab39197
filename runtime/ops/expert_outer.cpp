#include "runtime/ops/expert_gemm.h"
#include "runtime/ops/gradients.h"

namespace lorikeet {
namespace {

enum Input { kA, kB, kList };

constexpr int64_t kHeight = shader::kOuterTileRows;

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("a", in[kA]));
  LK_TRY(expect_f32("b", in[kB]));
  return Shapes{{DType::f32, {a.integer("experts"), in[kA].shape.columns(), in[kB].shape.columns()}}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Node& sort = *maker_of_list(g, node.inputs[kList]);
  const uint32_t lanes = tile_lanes(profile);
  shader::ExpertGemmParams params = expert_gemm_params(g, sort, profile);
  params.m = uint32_t(node.outputs[0].shape[1]);
  params.n = uint32_t(node.outputs[0].shape[2]);
  params.scale = float(node.attributes.number("scale"));
  const int64_t pairs = work_list_shape(sort).pairs(), groups = groups_for(params.m, kHeight) * params.experts;
  const auto choice = [&](std::string_view name, int64_t width, const SliceCut& cut) {
    Dispatch dispatch{
        .kernel = join("expert_outer/", width),
        .constants = {{0, cut.lanes * cut.slices},
                      {kSliceCount, cut.slices},
                      {1, uint32_t(node.attributes.integer("gather_a"))},
                      {2, uint32_t(node.attributes.integer("gather_b"))}},
        .operands = {Operand::of(node.inputs[kA]), Operand::of(node.inputs[kB]), Operand::of(node.inputs[kList]),
                     Operand::of(node.outputs[0])},
        .params = params_bytes(params),
        .groups = {groups_for(params.n, cut.lanes * width), groups_for(params.m, kHeight), params.experts},
        .flops = 2.0 * double(pairs) * params.m * params.n};
    return Choice{.name = std::string(name), .dispatches = {std::move(dispatch)}};
  };
  if (params.n > lanes) choices.push_back(choice("tile", 4, {lanes, 1}));
  choices.push_back(choice("column", 1, {lanes, 1}));
  const SliceCut cut = slice_cut(profile, params.n, groups, pairs / params.experts, uint32_t(kHeight));
  if (cut.slices > 1) add_sliced(profile, choice("", 1, cut), choices);
}

const Op kOp = {.name = "expert_outer", .shape = shape, .lower = lower};

}  // namespace

Tensor expert_outer(Graph& g, const ExpertOuter& parts) {
  const Node* sort = expert_list(g, "expert_outer", parts.list, parts.a, parts.gather_a);
  if (!sort || !expert_list(g, "expert_outer", parts.list, parts.b, parts.gather_b)) return {};
  return g.apply(kOp, {parts.a, parts.b, parts.list},
                 {{"experts", work_list_shape(*sort).experts},
                  {"scale", parts.scale},
                  {"gather_a", int64_t(parts.gather_a)},
                  {"gather_b", int64_t(parts.gather_b)}})[0];
}

}  // namespace lorikeet
