#include "frontend/router_statistics.h"

namespace lorikeet {
namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

double RouterSums::mean_entropy() const { return ratio(entropy, double(rows)); }

double RouterSums::mean_active() const {
  double sum = 0;
  for (uint64_t count : chosen) sum += double(count);
  return ratio(sum, double(rows));
}

double RouterSums::share_of_rows(size_t expert) const { return ratio(double(chosen[expert]), double(rows)); }

double RouterSums::share_of_weights(size_t expert) const {
  double sum = 0;
  for (double weight : weights) sum += weight;
  return ratio(weights[expert], sum);
}

void RouterSums::add(const RouterSums& other) {
  rows += other.rows;
  entropy += other.entropy;
  for (size_t i = 0; i < active.size(); ++i) active[i] += other.active[i];
  for (size_t e = 0; e < chosen.size(); ++e) chosen[e] += other.chosen[e], weights[e] += other.weights[e];
}

RouterStatistics::RouterStatistics(const AdapterTensors& tensors) {
  for (const AdapterRouter& router : tensors.routers) {
    RouterSums sums{.layer = router.layer, .module = router.module};
    sums.active.resize(router.experts + 1);
    sums.chosen.resize(router.experts);
    sums.weights.resize(router.experts);
    routers_.push_back(std::move(sums));
  }
}

void RouterStatistics::add(const RoutedRows& routed) {
  RouterSums& sums = routers_[routed.router];
  const size_t experts = sums.experts();
  for (size_t row = 0; row < routed.entropy.size(); ++row) {
    size_t active = 0;
    for (size_t e = 0; e < experts; ++e) {
      const float weight = routed.weights[row * experts + e];
      if (weight == 0) continue;
      ++active;
      ++sums.chosen[e];
      sums.weights[e] += double(weight);
    }
    ++sums.active[active];
    ++sums.rows;
    sums.entropy += double(routed.entropy[row]);
  }
}

// All routers of an adapter have equally many experts.
RouterSums RouterStatistics::all() const {
  RouterSums sums{.module = "all"};
  if (routers_.empty()) return sums;
  sums.active.resize(routers_.front().active.size());
  sums.chosen.resize(routers_.front().experts());
  sums.weights.resize(routers_.front().experts());
  for (const RouterSums& router : routers_) sums.add(router);
  return sums;
}

}  // namespace lorikeet
