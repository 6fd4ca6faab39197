#include "runtime/ops/gradients.h"
#include "runtime/ops/route_policy.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes& a) {
  const Tensor& scores = in[0];
  LK_TRY(expect_f32("scores", scores));
  const int64_t experts = scores.shape.columns();
  if (experts > int64_t(shader::kMaxRoutedExperts))
    return invalid(join("scores are of ", experts, " experts, at most ", shader::kMaxRoutedExperts, " are supported."));
  for (const char* limit : {"top_k", "keep_k"})
    if (a.integer(limit) < 0 || a.integer(limit) > experts)
      return invalid(join(limit, " is ", a.integer(limit), ", expected 0 to ", experts, " (the number of experts)."));
  if (const double p = a.number("top_p"); !(p >= 0 && p <= 1))
    return invalid(join("top_p is ", p, ", expected 0 to 1."));
  if (const double least = a.number("min_weight"); !(least >= 0 && least <= 1))
    return invalid(join("min_weight is ", least, ", expected 0 to 1."));
  if (const double index = a.number("entropy_index"); a.integer("entropy") != 0 && !(index > 0))
    return invalid(join("the index of the entropy is ", index, ", expected more than 0."));
  const Shape per_expert{scores.shape.rows(), experts};
  return Shapes{{DType::f32, per_expert}, {DType::f32, per_expert}, {DType::f32, {scores.shape.rows()}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor& scores = node.inputs[0];
  const shader::RouteParams params{uint32_t(scores.shape.rows()),
                                   route_policy(node.attributes, scores.shape.columns())};
  Dispatch dispatch{.kernel = "route", .params = params_bytes(params), .groups = spread(scores.shape.rows())};
  dispatch.constants = {{0, 64}};
  dispatch.operands = {Operand::of(scores)};
  for (const Tensor& output : node.outputs) dispatch.operands.push_back(Operand::of(output));
  choices.push_back({.name = "plain", .dispatches = {std::move(dispatch)}});
}

Tensors backward(const Backward& b) {
  return {route_grad(b.graph, b.node, b.gradients[0], b.gradients[1], b.gradients[2])};
}

const Op kOp = {.name = "route", .shape = shape, .lower = lower, .backward = backward, .saved = true};

// ---- gradient -------------------------------------------------------------------------------------------------------

// Inputs: the forward pass's weights and probabilities, then the gradients of weights, probabilities and entropies,
// each of which may be absent.
Result<Shapes> grad_shape(Inputs in, const Attributes&) {
  LK_TRY(expect_same_shape("weights", in[0], "probabilities", in[1]));
  return Shapes{{DType::f32, in[0].shape}};
}

void lower_grad(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  Dispatch dispatch{
      .kernel = "route_grad",
      .constants = {{0, bool(node.inputs[2])}, {1, bool(node.inputs[3])}, {2, bool(node.inputs[4])}},
      .params = params_bytes(shader::RouteParams{uint32_t(node.inputs[0].shape.rows()),
                                                 route_policy(node.attributes, node.inputs[0].shape.columns())}),
      .groups = spread((node.inputs[0].shape.rows() + 63) / 64)};
  for (const Tensor& input : node.inputs) dispatch.operands.push_back(Operand::of(input ? input : node.inputs[0]));
  dispatch.operands.push_back(Operand::of(node.outputs[0]));
  choices.push_back({.name = "row_a_lane", .dispatches = {std::move(dispatch)}});
}

const Op kGrad = {.name = "route_grad", .shape = grad_shape, .lower = lower_grad};

}  // namespace

int64_t most_chosen(const RoutingPolicy& policy, int64_t experts) {
  const bool may_be_all = policy.entropy != RoutingPolicy::Entropy::none && policy.entropy_threshold > 0;
  if (may_be_all || policy.top_k == 0) return experts;
  return std::max(policy.top_k, policy.keep_k);
}

Routing route(Graph& g, Tensor scores, const RoutingPolicy& policy) {
  const Tensors made = g.apply(kOp, {scores}, policy_attributes(policy));
  return {made[0], made[1], made[2]};
}

Tensor route_grad(Graph& g, const Node& forward, Tensor dweights, Tensor dprobabilities, Tensor dentropy) {
  return g.apply(kGrad, {forward.outputs[0], forward.outputs[1], dweights, dprobabilities, dentropy},
                 forward.attributes)[0];
}

}  // namespace lorikeet
