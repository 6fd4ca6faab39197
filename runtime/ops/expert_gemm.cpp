#include "runtime/ops/expert_gemm.h"
#include "runtime/ops/gradients.h"

namespace lorikeet {
namespace {

enum Input { kX, kStack, kList, kWeights, kAddend };

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("x", in[kX]));
  LK_TRY(expect_stack(in[kStack], a.integer("experts")));
  const bool t = a.integer("transpose") != 0;
  const int64_t n = in[kStack].shape[t ? 1 : 2], k = in[kStack].shape[t ? 2 : 1];
  if (in[kX].shape.columns() != k)
    return invalid(join("the matrices take ", k, " columns, the last axis of x has ", in[kX].shape.columns(), "."));
  if (in[kAddend]) LK_TRY(expect_vector("the addend", in[kAddend], a.integer("pairs") * n));
  return Shapes{{DType::f32, {a.integer("pairs"), n}}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Node& sort = *maker_of_list(g, node.inputs[kList]);
  const Tensor &y = node.outputs[0], &addend = node.inputs[kAddend];
  const uint32_t lanes = tile_lanes(profile);
  shader::ExpertGemmParams params = expert_gemm_params(g, sort, profile);
  params.n = uint32_t(y.shape.columns());
  params.k = uint32_t(node.inputs[kX].shape.columns());
  params.scale = float(node.attributes.number("scale"));
  const int64_t pairs = y.shape.rows();
  const std::string_view form = stack_form(node, params.k);
  const auto choice = [&](std::string_view name, int64_t height, int64_t width, const SliceCut& cut) {
    const uint32_t groups_x = groups_for(params.n, cut.lanes * width);
    const auto [groups_y, groups_z] =
        spread_yz(tile_groups(profile, (pairs + height - 1) / height + params.experts, groups_x));
    Dispatch dispatch{
        .kernel = join("expert_gemm/", form, "/", height, "/", width),
        .constants = {{0, cut.lanes * cut.slices},
                      {kSliceCount, cut.slices},
                      {1, uint32_t(node.attributes.integer("gather"))},
                      {2, bool(addend)}},
        .operands = {Operand::of(node.inputs[kX]), Operand::of(node.inputs[kStack]), Operand::of(node.inputs[kList]),
                     Operand::of(addend ? addend : node.inputs[kX]), Operand::of(y), Operand::of(node.inputs[kX])},
        .params = params_bytes(params),
        .groups = {groups_x, groups_y, groups_z},
        .flops = 2.0 * double(pairs) * params.n * params.k};
    return Choice{.name = std::string(name), .dispatches = {std::move(dispatch)}};
  };
  const SliceCut one{lanes, 1};
  const bool tall = params.m > 4, wide = params.n > lanes;
  if (tall && wide) choices.push_back(choice("tile", 8, 4, one));
  if (tall) choices.push_back(choice("column", 8, 1, one));
  if (wide) choices.push_back(choice("row", 1, 4, one));
  choices.push_back(choice("plain", 1, 1, one));
  const int64_t height = tall ? 8 : 1;
  // Counted as if each row had one expert: how many more it has is not known beforehand.
  const SliceCut cut = slice_cut(profile, params.n, (params.m + height - 1) / height, params.k, uint32_t(height));
  if (cut.slices > 1) add_sliced(profile, choice("", height, 1, cut), choices);
}

// x has rows or pairs: its gradient is that of the pairs, added up over the experts of each row if need be.
Tensors backward(const Backward& b) {
  Graph& g = b.graph;
  const Tensor &x = b.node.inputs[kX], &stack = b.node.inputs[kStack], &list = b.node.inputs[kList];
  const Tensor& weights = b.node.inputs[kWeights];
  const bool t = b.node.attributes.integer("transpose") != 0, gather = b.node.attributes.integer("gather") != 0;
  const double by = b.node.attributes.number("scale");
  const Tensor dy = b.gradients[0];
  Tensor dx, dstack;
  if (b.wanted[kX] && gather)
    dx = expert_accumulate(
        g,
        {.x = dy, .stack = stack, .weights = weights, .list = list, .transpose = !t, .weighted = false, .scale = by});
  else if (b.wanted[kX])
    dx = expert_gemm(g, {.x = dy, .stack = stack, .list = list, .transpose = !t, .by_pair = true, .scale = by});
  if (b.wanted[kStack])
    dstack = t ? expert_outer(g, {.a = dy, .b = x, .list = list, .gather_b = gather, .scale = by})
               : expert_outer(g, {.a = x, .b = dy, .list = list, .gather_a = gather, .scale = by});
  return {dx, dstack, {}, {}, dy};
}

const Op kOp = {.name = "expert_gemm", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

shader::ExpertGemmParams expert_gemm_params(const Graph& graph, const Node& sort_rows, const DeviceProfile& profile) {
  const WorkListShape shape = work_list_shape(sort_rows);
  const WorkListLayout layout(graph, sort_rows, profile);
  return {.m = uint32_t(shape.rows),
          .experts = uint32_t(shape.experts),
          .weight_columns = uint32_t(shape.experts),
          .share = uint32_t(shape.share),
          .rows_at = layout.rows_at(),
          .places_at = layout.places_at(),
          .starts_at = layout.starts_at(),
          .scale = 1};
}

int64_t tile_groups(const DeviceProfile& profile, int64_t tiles, int64_t groups_x) {
  constexpr int64_t kEnough = 128;  // for the cores of a software device
  return profile.kind == DeviceKind::cpu ? std::min(tiles, std::max<int64_t>(kEnough / groups_x, 1)) : tiles;
}

std::string_view stack_form(const Node& node, int64_t k) {
  return node.attributes.integer("transpose") == 0 ? "nn" : k % 4 == 0 ? "nt4" : "nt";
}

const Node* expert_list(Graph& g, std::string_view op, const Tensor& list, const Tensor& x, bool gather) {
  if (g.error()) return nullptr;
  const Node* sort = maker_of_list(g, list);
  if (!sort) {
    g.fail(invalid(join("[", op, "] the list must come from sort_rows.")));
    return nullptr;
  }
  const WorkListShape shape = work_list_shape(*sort);
  const int64_t rows = gather ? shape.rows : shape.pairs();
  if (x.shape.rows() == rows) return sort;
  g.fail(invalid(
      join("[", op, "] x has ", x.shape.rows(), " rows, the list is of ", rows, gather ? " rows." : " pairs.")));
  return nullptr;
}

Status expect_stack(const Tensor& stack, int64_t experts) {
  LK_TRY(expect_f32("the stack", stack));
  if (stack.shape.rank() == 3 && stack.shape[0] == experts) return Done{};
  return invalid(join("the stack is ", stack.shape.text(), ", expected (", experts, " experts, rows, columns)."));
}

Tensor expert_gemm(Graph& g, const ExpertGemm& parts) {
  const Node* sort = expert_list(g, "expert_gemm", parts.list, parts.x, !parts.by_pair);
  if (!sort) return {};
  const WorkListShape shape = work_list_shape(*sort);
  return g.apply(kOp, {parts.x, parts.stack, parts.list, sort->inputs[0], parts.addend},
                 {{"scale", parts.scale},
                  {"experts", shape.experts},
                  {"pairs", shape.pairs()},
                  {"transpose", int64_t(parts.transpose)},
                  {"gather", int64_t(!parts.by_pair)}})[0];
}

}  // namespace lorikeet
