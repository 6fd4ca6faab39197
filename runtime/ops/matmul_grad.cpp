#include "shaders/matmul_grad.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/product.h"
#include "runtime/ops/support.h"
#include "runtime/ops/weight_ranges.h"
#include "runtime/ops/work_list.h"

namespace lorikeet {
namespace {

constexpr int64_t kTokens = shader::kGradTokens;
constexpr uint32_t kSums = shader::kGradTokens * 8;  // of a lane

// What `cut_as` makes of tiles as they are, and of sliced ones where `pieces` x `tiles` of them are few.
template <class MakeChoice>
void add_choices(const DeviceProfile& profile, int64_t pieces, int64_t tiles, int64_t terms, const MakeChoice& cut_as,
                 Choices& choices) {
  choices.push_back(cut_as(SliceCut{tile_lanes(profile), 1}));
  const SliceCut cut = slice_cut(profile, pieces, tiles, terms, kSums);
  if (cut.slices > 1) add_sliced(profile, cut_as(cut), choices);
}

Result<Shapes> shape(Inputs in, const Attributes&) {
  const Tensor &dy = in[0], &weight = in[1];
  LK_TRY(expect_f32("dy", dy));
  if (!weight || weight.shape.rank() != 2 || unit_layout(weight.dtype).columns == 0)
    return invalid("weight must be packed (n, k).");
  if (dy.shape.columns() != weight.shape.rows())
    return invalid(
        join("weight has ", weight.shape.rows(), " rows, the last axis of dy has ", dy.shape.columns(), "."));
  if (weight.shape.rows() > kMaxTileColumns / 2)
    return invalid(join("weight has ", weight.shape.rows(), " rows, at most ", kMaxTileColumns / 2, " are supported."));
  return Shapes{{DType::f32, {dy.shape.rows(), weight.shape.columns()}}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Tensor &dy = node.inputs[0], &weight = node.inputs[1], &dx = node.outputs[0];
  const int64_t tokens = dy.shape.rows(), k = weight.shape.columns();
  const int64_t pieces = (k + 7) / 8, tiles = (tokens + kTokens - 1) / kTokens;
  const auto [groups_y, groups_z] = spread_yz(tiles);
  const auto ranges = weight_ranges(g, weight, weight.shape.rows(), false, profile);
  const auto cut_as = [&, groups_y = groups_y, groups_z = groups_z](const SliceCut& cut) {
    Choice choice{.name = "tile"};
    for (const WeightRange& range : ranges) {
      const shader::MatmulGradParams params{.tokens = uint32_t(tokens),
                                            .dy_columns = uint32_t(weight.shape.rows()),
                                            .columns = uint32_t(k),
                                            .first = uint32_t(range.first),
                                            .count = uint32_t(range.count),
                                            .row = uint32_t(range.row),
                                            .units = uint32_t(units(weight.dtype, k))};
      choice.dispatches.push_back(
          {.kernel = join("matmul_grad/", name(weight.dtype)),
           .constants = {{0, cut.lanes * cut.slices}, {kSliceCount, cut.slices}, {1, !choice.dispatches.empty()}},
           .operands = {Operand::of(dy), Operand::of_page(weight, int32_t(range.page)), Operand::of(dx),
                        Operand::of(dy)},
           .params = params_bytes(params),
           .groups = {groups_for(pieces, cut.lanes), groups_y, groups_z},
           .flops = 2.0 * double(tokens) * double(range.count) * double(k)});
    }
    return choice;
  };
  add_choices(profile, pieces, tiles, weight.shape.rows(), cut_as, choices);
}

const Op kOp = {.name = "matmul_grad", .shape = shape, .lower = lower};

// ---- experts --------------------------------------------------------------------------------------------------------

Result<Shapes> expert_shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("dy", in[0]));
  if (in[0].shape.columns() < a.integer("outputs"))
    return invalid(join("dy has ", in[0].shape.columns(), " columns, an expert ", a.integer("outputs"), " outputs."));
  return Shapes{{DType::f32, {in[0].shape.rows(), in[1].shape.columns()}}};
}

void lower_experts(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Tensor &dy = node.inputs[0], &stack = node.inputs[1], &list = node.inputs[2], &dx = node.outputs[0];
  const Node& sort = *maker_of_list(g, list);
  const WorkListShape shape = work_list_shape(sort);
  const WorkListLayout layout(g, sort, profile);
  const int64_t block = node.attributes.integer("expert_rows"), k = stack.shape.columns();
  const Pages split = pages(stack.dtype, stack.shape.rows(), k, profile, block);
  const int64_t page_rows = split.groups_per_page * kGroupRows;
  if (page_rows < block && page_rows < stack.shape.rows()) return;  // an expert larger than a binding
  const int64_t window = std::max<int64_t>(page_rows / block, 1);
  const int64_t pieces = (k + 7) / 8, outputs = node.attributes.integer("outputs");
  const int64_t tiles = (shape.pairs() + kTokens - 1) / kTokens;
  const auto cut_as = [&](const SliceCut& cut) {
    Choice choice{.name = "tile"};
    for (int64_t first = 0; first < shape.experts; first += window) {
      const int64_t experts = std::min(window, shape.experts - first);
      const shader::MatmulGradParams params{.tokens = uint32_t(shape.pairs()),
                                            .dy_columns = uint32_t(dy.shape.columns()),
                                            .columns = uint32_t(k),
                                            .first = 0,
                                            .count = uint32_t(outputs),
                                            .row = 0,
                                            .units = uint32_t(units(stack.dtype, k)),
                                            .first_expert = uint32_t(first),
                                            .experts = uint32_t(experts),
                                            .expert_rows = uint32_t(block),
                                            .rows_at = layout.rows_at(),
                                            .starts_at = layout.starts_at()};
      const auto [groups_y, groups_z] = spread_yz(tiles + experts);
      choice.dispatches.push_back(
          {.kernel = join("matmul_grad/", name(stack.dtype)),
           .constants = {{0, cut.lanes * cut.slices}, {kSliceCount, cut.slices}, {1, 0}, {kGrouped, 1}},
           .operands = {Operand::of(dy), Operand::of_page(stack, int32_t(first / window)), Operand::of(dx),
                        Operand::of(list)},
           .params = params_bytes(params),
           .groups = {groups_for(pieces, cut.lanes), groups_y, groups_z},
           .flops = 2.0 * double(shape.pairs()) * double(outputs) * double(k)});
    }
    return choice;
  };
  add_choices(profile, pieces, tiles, outputs, cut_as, choices);
}

const Op kExperts = {.name = "expert_matmul_grad", .shape = expert_shape, .lower = lower_experts};

}  // namespace

Tensor matmul_grad(Graph& g, Tensor dy, Tensor weight) { return g.apply(kOp, {dy, weight})[0]; }

Tensor expert_matmul_grad(Graph& g, const ExpertMatmulGrad& parts) {
  return g.apply(kExperts, {parts.dy, parts.stack, parts.list},
                 {{"outputs", parts.outputs}, {"expert_rows", parts.expert_rows}})[0];
}

}  // namespace lorikeet
