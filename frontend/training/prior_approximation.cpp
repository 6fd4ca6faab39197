#include "frontend/training/prior_approximation.h"

#include <cmath>

#include "runtime/ops/ops.h"

namespace lorikeet {

std::string_view name(RouterView view) {
  return view == RouterView::own ? "own" : view == RouterView::dense ? "dense" : "chained";
}

PriorApproximation::AllExperts PriorApproximation::all_experts(const GatedExperts& experts, Tensor x) {
  if (!everyone_) {
    const int64_t rows = x.shape.rows(), n = factor_.experts;
    everyone_ = g_.reshape(fill(g_, rows * n, 1), {rows, n});
  }
  AllExperts all{.list = sort_rows(g_, everyone_, 1, factor_.experts)};
  all.outputs = write_gated_experts(g_, experts, x, all.list);
  all.total = expert_combine(g_, {.outputs = all.outputs, .weights = everyone_, .list = all.list});
  return all;
}

Tensor PriorApproximation::write(const GatedExperts& experts, const FactoredInput& input) {
  const uint32_t active = input.active ? input.active : factor_.active;
  const auto routed = [&](Tensor x) {
    return route(g_, matmul(g_, x, input.router, input.bias),
                 {.top_k = active,
                  .equal = true,
                  .scale = factor_.scale(active),
                  .entropy = RoutingPolicy::Entropy::tsallis,
                  .entropy_index = 1});
  };
  const auto combined = [&](const AllExperts& all, Tensor weights) {
    return expert_combine(g_,
                          {.outputs = all.outputs, .weights = weights, .list = all.list, .residual = input.residual});
  };
  const bool apart = lesson_.view == RouterView::chained && chained_;
  const Tensor seen = apart ? chained_ : input.x;
  const AllExperts teacher = all_experts(experts, seen);
  const Routing routing = routed(seen);
  learn(teacher, routing, active);
  chained_ = teacher.total;
  if (lesson_.view == RouterView::dense) return combined(teacher, everyone_);
  if (apart) return write_factored(g_, factor_, experts, input).y;
  return combined(teacher, g_.detach(routing.weights));
}

// Adds the mean over rows of x (rows) or (rows, columns) to a sum.
Tensor PriorApproximation::mean(Tensor x, Tensor sum) const {
  const int64_t rows = counted_.shape.elements();
  return gemm(
      g_, {.a = g_.reshape(counted_, {1, rows}), .b = g_.reshape(x, {rows, x.shape.elements() / rows}), .addend = sum});
}

// KL(p || q) = sum p ln p - sum p ln q, where ln q is one number for all experts plus 1 for those of the label.
// Published code clips p and q to 1e-7 .. 1 - 1e-7, which changes neither beyond 1e-5.
void PriorApproximation::learn(const AllExperts& teacher, const Routing& routing, uint32_t active) {
  const double scale = factor_.scale(active), n = factor_.experts;
  const ExpertErrors far = expert_errors(g_, teacher.outputs, teacher.total, teacher.list, 1 / scale);
  const Tensor label = route(g_, far.closeness, {.top_k = active, .equal = true}).weights;
  entropy_ = mean(routing.entropy, entropy_);
  close_ = mean(mul(g_, routing.probabilities, g_.detach(label)), close_);
  chosen_ = mean(mul(g_, routing.probabilities, g_.detach(routing.weights)), chosen_);
  constant_ += std::log(active * std::exp(1.0) + n - active);
  balance_scale_ = 1 / (scale * n);
}

Tensor PriorApproximation::loss() {
  const int64_t n = factor_.experts;
  const Tensor ones = g_.reshape(fill(g_, n, 1), {n, 1});
  const auto total = [&](Tensor sums, double by) {
    return scale(g_, gemm(g_, {.a = sums, .b = ones}), by);  // (1, 1)
  };
  const double largest_entropy = n > 1 ? std::log(double(n)) : 1;
  Tensor loss = scale(g_, entropy_, -lesson_.route * largest_entropy);
  loss = add(g_, loss, total(close_, -lesson_.route));
  loss = add(g_, loss, total(chosen_, lesson_.balance * balance_scale_));
  return add(g_, g_.reshape(loss, {1}), fill(g_, 1, lesson_.route * constant_));
}

}  // namespace lorikeet
