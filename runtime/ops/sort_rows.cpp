#include "runtime/graph/packing.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"
#include "runtime/ops/work_list.h"
#include "shaders/work_list.h"

namespace lorikeet {
namespace {

constexpr int64_t kMostPairs = 65535;  // a tile each is what an indirect dispatch can count

Result<Shapes> shape(Inputs inputs, const Attributes& attributes) {
  const Tensor& weights = inputs[0];
  LK_TRY(expect_f32("weights", weights));
  const int64_t experts = weights.shape.columns(), share = attributes.integer("share"),
                most = attributes.integer("most");
  const int64_t rows = weights.shape.rows() * share;
  if (experts > int64_t(shader::kMaxExperts))
    return invalid(join("weights are of ", experts, " experts, at most ", shader::kMaxExperts, " are supported."));
  if (share < 1) return invalid(join("share must be at least 1, ", share, " was given."));
  LK_TRY(expect_rows("rows", rows));
  if (most < 1 || most > experts)
    return invalid(join("a row may choose 1 to ", experts, " experts, ", most, " were given."));
  if (rows * most > kMostPairs)
    return invalid(
        join(rows, " rows of ", most, " experts are ", rows * most, " pairs, at most ", kMostPairs, " are supported."));
  return Shapes{{DType::u32, {WorkListShape{rows, experts, share, most}.words()}}};
}

void lower(const Graph& graph, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const WorkListShape shape = work_list_shape(node);
  const WorkListLayout layout(graph, node, profile);
  shader::WorkListParams params{};
  params.experts = uint32_t(shape.experts);
  params.rows = uint32_t(shape.rows);
  params.share = uint32_t(shape.share);
  params.classes = uint32_t(layout.heights().size());
  params.consumers = std::max<uint32_t>(uint32_t(layout.consumers().size()), 1);
  params.window_experts[0] = params.experts;
  params.rows_at = layout.rows_at();
  params.places_at = layout.places_at();
  params.starts_at = layout.starts_at();
  for (size_t i = 0; i < layout.heights().size(); ++i) {
    params.heights |= layout.heights()[i] << (5 * i);
    params.tiles_at[i] = layout.tiles_at(i);
  }
  for (size_t c = 0; c < layout.consumers().size(); ++c) {
    const ExpertStack stack = expert_stack(*layout.consumers()[c], profile);
    params.window_experts[c] = uint32_t(stack.window);
    for (size_t i = 0; i < layout.heights().size(); ++i)
      params.widths[c * 3 + i / 2] |= list_width(profile, layout.heights()[i], stack) << (16 * (i % 2));
  }
  const uint32_t lanes = profile.kind == DeviceKind::cpu ? 64 : std::min<uint32_t>(profile.max_workgroup_lanes, 256);
  Dispatch dispatch{.kernel = "work_list",
                    .constants = {{0, lanes}},
                    .operands = {Operand::of(node.inputs[0]), Operand::of(node.outputs[0])},
                    .params = params_bytes(params),
                    .bytes = uint64_t(shape.rows / shape.share * shape.experts + shape.pairs() * 3) * 4};
  choices.push_back({.name = "plain", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "sort_rows", .shape = shape, .lower = lower, .saved = true};

}  // namespace

Tensor sort_rows(Graph& g, Tensor weights, int64_t share, int64_t most) {
  return g.apply(kOp, {weights}, {{"share", share}, {"most", most}})[0];
}

}  // namespace lorikeet
