#include "shaders/matmul_grad.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/product.h"
#include "runtime/ops/support.h"
#include "runtime/ops/weight_ranges.h"

namespace lorikeet {
namespace {

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
  const uint32_t lanes = tile_lanes(profile);
  constexpr int64_t kTokens = 4;
  Choice choice{.name = "tile"};
  for (const WeightRange& range : weight_ranges(g, weight, weight.shape.rows(), false, profile)) {
    const shader::MatmulGradParams params{.tokens = uint32_t(tokens),
                                          .dy_columns = uint32_t(weight.shape.rows()),
                                          .columns = uint32_t(k),
                                          .first = uint32_t(range.first),
                                          .count = uint32_t(range.count),
                                          .row = uint32_t(range.row),
                                          .units = uint32_t(units(weight.dtype, k))};
    const auto [groups_y, groups_z] = spread_yz((tokens + kTokens - 1) / kTokens);
    choice.dispatches.push_back(
        {.kernel = join("matmul_grad/", name(weight.dtype)),
         .constants = {{0, lanes}, {1, !choice.dispatches.empty()}},
         .operands = {Operand::of(dy), Operand::of_page(weight, int32_t(range.page)), Operand::of(dx), Operand::of(dy)},
         .params = params_bytes(params),
         .groups = {groups_for((k + 7) / 8, lanes), groups_y, groups_z},
         .flops = 2.0 * double(tokens) * double(range.count) * double(k)});
  }
  choices.push_back(std::move(choice));
}

const Op kOp = {.name = "matmul_grad", .shape = shape, .lower = lower};

}  // namespace

Tensor matmul_grad(Graph& g, Tensor dy, Tensor weight) { return g.apply(kOp, {dy, weight})[0]; }

}  // namespace lorikeet
