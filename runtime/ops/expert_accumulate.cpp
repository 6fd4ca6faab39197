#include "runtime/ops/expert_gemm.h"
#include "runtime/ops/gradients.h"

namespace lorikeet {
namespace {

enum Input { kX, kStack, kWeights, kList, kBase };

constexpr int64_t kHeight = shader::kAccumulateTileRows;

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("x", in[kX]));
  LK_TRY(expect_f32("weights", in[kWeights]));
  LK_TRY(expect_stack(in[kStack], a.integer("experts")));
  const bool t = a.integer("transpose") != 0;
  const int64_t n = in[kStack].shape[t ? 1 : 2], k = in[kStack].shape[t ? 2 : 1];
  if (in[kX].shape.columns() != k)
    return invalid(join("the matrices take ", k, " columns, the last axis of x has ", in[kX].shape.columns(), "."));
  if (in[kBase]) LK_TRY(expect_vector("the base", in[kBase], a.integer("rows") * n));
  return Shapes{{DType::f32, {a.integer("rows"), n}}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Node& sort = *maker_of_list(g, node.inputs[kList]);
  const Tensor &y = node.outputs[0], &base = node.inputs[kBase];
  const uint32_t lanes = tile_lanes(profile);
  shader::ExpertGemmParams params = expert_gemm_params(g, sort, profile);
  params.n = uint32_t(y.shape.columns());
  params.k = uint32_t(node.inputs[kX].shape.columns());
  params.scale = float(node.attributes.number("scale"));
  const auto [groups_y, groups_z] = spread_yz((y.shape.rows() + kHeight - 1) / kHeight);
  const auto choice = [&](std::string_view name, int64_t width) {
    Dispatch dispatch{
        .kernel = join("expert_accumulate/", node.attributes.integer("transpose") != 0 ? "nt/" : "nn/", width),
        .constants = {{0, lanes}, {1, bool(base)}, {2, uint32_t(node.attributes.integer("weighted"))}},
        .operands = {Operand::of(node.inputs[kX]), Operand::of(node.inputs[kStack]), Operand::of(node.inputs[kWeights]),
                     Operand::of(node.inputs[kList]), Operand::of(base ? base : node.inputs[kX]), Operand::of(y)},
        .params = params_bytes(params),
        .groups = {groups_for(params.n, lanes * width), groups_y, groups_z},
        .flops = 2.0 * double(work_list_shape(sort).pairs()) * params.n * params.k};
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  if (columns_a_lane(params.n, lanes) == 4) choice("tile", 4);
  choice("column", 1);
}

// With t[pair] = dy[row] matrix^T:  dx = scale * weight * t,  dweight = scale * t . x.
Tensors backward(const Backward& b) {
  Graph& g = b.graph;
  const Tensor &x = b.node.inputs[kX], &stack = b.node.inputs[kStack], &weights = b.node.inputs[kWeights];
  const Tensor& list = b.node.inputs[kList];
  const bool t = b.node.attributes.integer("transpose") != 0;
  const double by = b.node.attributes.number("scale");
  if (b.node.attributes.integer("weighted") == 0) {
    g.fail(unsupported("[expert_accumulate] has gradients where its weights count."));
    return {};
  }
  const Tensor dy = b.gradients[0];
  Tensor back;
  if (b.wanted[kX] || b.wanted[kWeights])
    back = expert_gemm(g, {.x = dy, .stack = stack, .list = list, .transpose = !t});
  Tensor dx, dstack, dweights;
  if (b.wanted[kX]) dx = scale_pairs(g, {.x = back, .weights = weights, .list = list, .scale = by});
  if (b.wanted[kStack]) {
    const Tensor weighted = scale_pairs(g, {.x = x, .weights = weights, .list = list, .scale = by});
    dstack = t ? expert_outer(g, {.a = dy, .b = weighted, .list = list, .gather_a = true})
               : expert_outer(g, {.a = weighted, .b = dy, .list = list, .gather_b = true});
  }
  if (b.wanted[kWeights]) dweights = pair_dot(g, {.a = back, .b = x, .weights = weights, .list = list, .scale = by});
  return {dx, dstack, dweights, {}, dy};
}

const Op kOp = {.name = "expert_accumulate", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor expert_accumulate(Graph& g, const ExpertAccumulate& parts) {
  const Node* sort = expert_list(g, "expert_accumulate", parts.list, parts.x, false);
  if (!sort) return {};
  const WorkListShape shape = work_list_shape(*sort);
  return g.apply(kOp, {parts.x, parts.stack, parts.weights, parts.list, parts.base},
                 {{"experts", shape.experts},
                  {"rows", shape.rows},
                  {"transpose", int64_t(parts.transpose)},
                  {"weighted", int64_t(parts.weighted)},
                  {"scale", parts.scale}})[0];
}

}  // namespace lorikeet
