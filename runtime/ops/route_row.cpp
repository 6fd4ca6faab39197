#include "shaders/route_row.h"

#include <algorithm>

#include "runtime/graph/packing.h"
#include "runtime/ops/route_row.h"
#include "runtime/ops/route_policy.h"
#include "runtime/ops/support.h"
#include "runtime/ops/work_list.h"

namespace lorikeet {
namespace {

enum Input { kH, kNorm, kRouter, kBias };

Result<Shapes> shape(Inputs in, const Attributes& a) {
  const Tensor &h = in[kH], &router = in[kRouter];
  LK_TRY(expect_f32("h", h));
  const int64_t columns = h.shape.columns(), experts = router.shape.rows();
  LK_TRY(expect_vector("norm", in[kNorm], columns));
  if (h.shape.rows() != 1 || columns % 32 != 0)
    return invalid(join("h is ", h.shape.text(), ", expected one row of a multiple of 32 columns."));
  if (router.dtype != DType::f32 || router.shape.columns() != columns || experts > int64_t(shader::kRouteRowExperts))
    return invalid(join("the router is ", router.shape.text(), ", expected f32, ", columns, " columns and at most ",
                        shader::kRouteRowExperts, " rows."));
  const WorkListShape list{1, experts, 1, a.integer("most")};
  return Shapes{{DType::f32, h.shape}, {DType::f32, {1, experts}}, {DType::u32, {list.words()}}};
}

void lower(const Graph& graph, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Tensor &h = node.inputs[kH], &router = node.inputs[kRouter], &bias = node.inputs[kBias];
  const WorkListLayout layout(graph, node, profile);
  const StorageRef& storage = graph.info(router).storage;
  shader::RouteRowParams params{.policy = route_policy(node.attributes, router.shape.rows()),
                                .columns = uint32_t(h.shape.columns()),
                                .units = uint32_t(units(DType::f32, h.shape.columns())),
                                .row = uint32_t(storage.first_row),
                                .norm_at = first_element(graph, node.inputs[kNorm]),
                                .bias_at = bias ? first_element(graph, bias) : 0,
                                .eps = float(node.attributes.number("eps")),
                                .consumers = uint32_t(layout.consumers().size()),
                                .rows_at = layout.rows_at(),
                                .places_at = layout.places_at(),
                                .starts_at = layout.starts_at(),
                                .tiles_at = layout.tiles_at(0)};
  for (size_t c = 0; c < layout.consumers().size(); ++c) {
    const ExpertStack stack = expert_stack(*layout.consumers()[c], profile);
    (c == 0 ? params.window_0 : params.window_1) = uint32_t(stack.window);
    (c == 0 ? params.width_0 : params.width_1) = list_width(profile, 1, stack);
  }
  const uint32_t lanes = profile.kind == DeviceKind::cpu ? 64 : std::min<uint32_t>(profile.max_workgroup_lanes, 256);
  Dispatch dispatch{.kernel = "route_row",
                    .constants = {{0, lanes}, {1, uint32_t(router.shape.rows())}, {2, bool(bias)}},
                    .operands = {Operand::of(h), Operand::of(node.inputs[kNorm]), Operand::of_page(router, 0),
                                 Operand::of(bias ? bias : node.inputs[kNorm])},
                    .params = params_bytes(params),
                    .flops = 2.0 * double(router.shape.elements())};
  for (const Tensor& output : node.outputs) dispatch.operands.push_back(Operand::of(output));
  choices.push_back({.name = "plain", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "route_row", .shape = shape, .lower = lower};

}  // namespace

bool can_route_row(const Graph& graph, const Tensor& h, const Tensor& router, const DeviceProfile& profile) {
  return h.shape.rows() == 1 && h.shape.columns() % 32 == 0 && router.dtype == DType::f32 &&
         graph.info(router).kind == TensorKind::weight && router.shape.rows() <= int64_t(shader::kRouteRowExperts) &&
         pages(DType::f32, graph.info(router).storage.rows, router.shape.columns(), profile).count() == 1;
}

RoutedRow route_row(Graph& g, const RouteRow& parts, const Attributes& policy) {
  Attributes attributes = policy;
  attributes.set("eps", parts.eps);
  attributes.set("most", parts.most);
  const Tensors made = g.apply(kOp, {parts.h, parts.norm, parts.router, parts.bias}, attributes);
  return {made[0], made[1], made[2]};
}

}  // namespace lorikeet
