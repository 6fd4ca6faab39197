// scale_pairs and pair_dot: what the gradients of weighted sums over experts are made of.
#include "runtime/ops/expert_gemm.h"
#include "runtime/ops/gradients.h"
#include "shaders/scale_pairs.h"

namespace lorikeet {
namespace {

shader::PairParams params_of(const Graph& g, const Node& node, const Tensor& list, int64_t columns,
                             const DeviceProfile& profile) {
  const Node& sort = *maker_of_list(g, list);
  const WorkListShape shape = work_list_shape(sort);
  return {uint32_t(shape.rows),
          uint32_t(columns),
          uint32_t(shape.experts),
          uint32_t(shape.share),
          WorkListLayout(g, sort, profile).places_at(),
          float(node.attributes.number("scale"))};
}

Result<Shapes> shape_of_scaled(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("x", in[0]));
  return Shapes{{DType::f32, {a.integer("pairs"), in[0].shape.columns()}}};
}

void lower_scaled(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const shader::PairParams params = params_of(g, node, node.inputs[2], node.inputs[0].shape.columns(), profile);
  const auto [groups_y, groups_z] = spread_yz(params.rows);
  Dispatch dispatch{.kernel = "scale_pairs",
                    .constants = {{0, uint32_t(node.attributes.integer("gather"))},
                                  {1, uint32_t(node.attributes.integer("weighted"))}},
                    .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(node.inputs[2]),
                                 Operand::of(node.outputs[0])},
                    .params = params_bytes(params),
                    .groups = {groups_for(params.columns, 64), groups_y, groups_z}};
  choices.push_back({.name = "plain", .dispatches = {std::move(dispatch)}});
}

Result<Shapes> shape_of_dots(Inputs in, const Attributes&) {
  LK_TRY(expect_f32("a", in[0]));
  LK_TRY(expect_f32("b", in[1]));
  if (in[0].shape.columns() != in[1].shape.columns())
    return invalid(join("a has ", in[0].shape.columns(), " columns, b ", in[1].shape.columns(), "."));
  return Shapes{{DType::f32, in[2].shape}};
}

void lower_dots(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const shader::PairParams params = params_of(g, node, node.inputs[3], node.inputs[0].shape.columns(), profile);
  Dispatch dispatch{.kernel = "pair_dot",
                    .constants = {{0, uint32_t(node.attributes.integer("gather"))}},
                    .params = params_bytes(params),
                    .groups = spread((node.outputs[0].shape.elements() + 63) / 64)};
  for (const Tensor& tensor : node.inputs) dispatch.operands.push_back(Operand::of(tensor));
  dispatch.operands.push_back(Operand::of(node.outputs[0]));
  choices.push_back({.name = "plain", .dispatches = {std::move(dispatch)}});
}

// Of x alone: weights that count are given a gradient where they weigh outputs.
Tensors backward_scaled(const Backward& b) {
  Graph& g = b.graph;
  const Tensor &weights = b.node.inputs[1], &list = b.node.inputs[2], dy = b.gradients[0];
  const bool gather = b.node.attributes.integer("gather") != 0, weighted = b.node.attributes.integer("weighted") != 0;
  const double by = b.node.attributes.number("scale");
  if (weighted && (b.wanted[1] || gather)) {
    g.fail(unsupported("[scale_pairs] has a gradient where its weights do not count."));
    return {};
  }
  if (!gather) return {scale_pairs(g, {.x = dy, .weights = weights, .list = list, .weighted = false, .scale = by})};
  return {expert_combine(g, {.outputs = scale(g, dy, by), .weights = weights, .list = list, .weighted = false})};
}

const Op kScalePairs = {
    .name = "scale_pairs", .shape = shape_of_scaled, .lower = lower_scaled, .backward = backward_scaled};
const Op kPairDot = {.name = "pair_dot", .shape = shape_of_dots, .lower = lower_dots};

}  // namespace

Tensor scale_pairs(Graph& g, const ScalePairs& parts) {
  const Node* sort = expert_list(g, "scale_pairs", parts.list, parts.x, parts.gather);
  if (!sort) return {};
  return g.apply(kScalePairs, {parts.x, parts.weights, parts.list},
                 {{"pairs", work_list_shape(*sort).pairs()},
                  {"gather", int64_t(parts.gather)},
                  {"weighted", int64_t(parts.weighted)},
                  {"scale", parts.scale}})[0];
}

Tensor pair_dot(Graph& g, const PairDot& parts) {
  if (!expert_list(g, "pair_dot", parts.list, parts.a, false) ||
      !expert_list(g, "pair_dot", parts.list, parts.b, parts.gather_b))
    return {};
  return g.apply(kPairDot, {parts.a, parts.b, parts.weights, parts.list},
                 {{"gather", int64_t(parts.gather_b)}, {"scale", parts.scale}})[0];
}

}  // namespace lorikeet
