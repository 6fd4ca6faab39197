#include "runtime/ops/expert_gemm.h"
#include "runtime/ops/gradients.h"
#include "shaders/fill.h"
#include "shaders/scale.h"

namespace lorikeet {
namespace {

enum Input { kX, kStack, kWeights, kList, kBase };

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

// y = base, then the pairs of one expert after the other are added: experts cost what their rows do. Software devices
// have enough groups in the columns alone, and each does all experts.
Choice by_expert(const Node& node, shader::ExpertGemmParams params, std::string_view form, const DeviceProfile& profile,
                 double flops) {
  constexpr uint32_t kHeight = 8;
  const uint32_t lanes = tile_lanes(profile);
  const Tensor &x = node.inputs[kX], &base = node.inputs[kBase], &y = node.outputs[0];
  const int64_t elements = y.shape.elements(), width = params.n > lanes ? 4 : 1;
  Choice choice{.name = "by_expert"};
  if (base) {
    const int64_t copied = elements % 4 == 0 ? 4 : 1;
    choice.dispatches.push_back({.kernel = copied == 4 ? "scale/vec4" : "scale/float",
                                 .operands = {Operand::of(base), Operand::of(base), Operand::of(y)},
                                 .params = params_bytes(shader::ScaleParams{uint32_t(elements / copied), 1}),
                                 .groups = spread((elements / copied + 63) / 64)});
  } else {
    choice.dispatches.push_back({.kernel = "fill",
                                 .operands = {Operand::of(y)},
                                 .params = params_bytes(shader::FillParams{uint32_t(elements), 0}),
                                 .groups = spread((elements + 63) / 64)});
  }
  const bool at_once = profile.kind == DeviceKind::cpu;
  const auto [groups_y, groups_z] = spread_yz(at_once ? 1 : (params.m + kHeight - 1) / kHeight);
  const uint32_t passes = at_once ? 1 : params.experts;
  params.experts /= passes;
  for (uint32_t pass = 0; pass < passes; ++pass) {
    params.first_expert = pass;
    choice.dispatches.push_back(
        {.kernel = join("expert_gemm/", form, "/", kHeight, "/", width),
         .constants = {{0, lanes}, {3, 1}, {4, uint32_t(node.attributes.integer("weighted"))}},
         .operands = {Operand::of(x), Operand::of(node.inputs[kStack]), Operand::of(node.inputs[kList]), Operand::of(x),
                      Operand::of(y), Operand::of(node.inputs[kWeights])},
         .params = params_bytes(params),
         .groups = {groups_for(params.n, lanes * width), groups_y, groups_z},
         .flops = flops / passes});
  }
  return choice;
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  constexpr uint32_t kFewExperts = 16;
  const Node& sort = *maker_of_list(g, node.inputs[kList]);
  const Tensor &y = node.outputs[0], &base = node.inputs[kBase];
  const uint32_t lanes = tile_lanes(profile);
  shader::ExpertGemmParams params = expert_gemm_params(g, sort, profile);
  params.n = uint32_t(y.shape.columns());
  params.k = uint32_t(node.inputs[kX].shape.columns());
  params.scale = float(node.attributes.number("scale"));
  const std::string_view form = stack_form(node, params.k);
  const double flops = 2.0 * double(work_list_shape(sort).pairs()) * params.n * params.k;
  const auto choice = [&](std::string_view name, int64_t height, int64_t width) {
    const auto [groups_y, groups_z] = spread_yz((y.shape.rows() + height - 1) / height);
    Dispatch dispatch{
        .kernel = join("expert_accumulate/", form, "/", height, "/", width),
        .constants = {{0, lanes}, {1, bool(base)}, {2, uint32_t(node.attributes.integer("weighted"))}},
        .operands = {Operand::of(node.inputs[kX]), Operand::of(node.inputs[kStack]), Operand::of(node.inputs[kWeights]),
                     Operand::of(node.inputs[kList]), Operand::of(base ? base : node.inputs[kX]), Operand::of(y)},
        .params = params_bytes(params),
        .groups = {groups_for(params.n, lanes * width), groups_y, groups_z},
        .flops = flops};
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  const bool tall = y.shape.rows() > 4, wide = params.n > lanes;
  if (tall && params.experts <= kFewExperts) choices.push_back(by_expert(node, params, form, profile, flops));
  if (tall && wide) choice("tile", 4, 4);
  if (tall) choice("column", 4, 1);
  if (wide) choice("row", 1, 4);
  choice("plain", 1, 1);
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
