// Routing policies against their definition.
#include <limits>
#include <numeric>

#include "tests/ops/op_test.h"

namespace lorikeet::test {
namespace {

using Entropy = RoutingPolicy::Entropy;

struct Expected {
  std::vector<float> weights, probabilities, entropy;
};

double entropy_of(const std::vector<double>& p, const RoutingPolicy& policy) {
  const double n = double(p.size()), q = policy.entropy_index;
  double shannon = 0, powers = 0;
  for (double value : p) {
    const double v = value + policy.entropy_eps;
    shannon -= v > 0 ? v * std::log(v) : 0;
    powers += std::pow(v, q);
  }
  if (policy.entropy == Entropy::none || p.size() == 1) return 0;
  if (q == 1) return shannon / std::log(n);
  if (policy.entropy == Entropy::renyi) return std::log(powers + 1e-10) / (1 - q) / std::log(n);
  return (1 - powers) / (q - 1) / ((1 - std::pow(n, 1 - q)) / (q - 1));
}

Expected expect(const std::vector<float>& scores, int64_t experts, const RoutingPolicy& policy) {
  Expected expected;
  for (size_t row = 0; row < scores.size(); row += size_t(experts)) {
    const float* s = scores.data() + row;
    std::vector<double> p;
    for (int64_t e = 0; e < experts; ++e) p.push_back(std::exp(double(s[e]) - *std::max_element(s, s + experts)));
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& value : p) value /= sum;
    std::vector<size_t> order(static_cast<size_t>(experts));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
    const double entropy = entropy_of(p, policy);
    const bool all = policy.entropy_threshold > 0 && policy.entropy_threshold < 1 && entropy > policy.entropy_threshold;
    std::vector<double> weights(p.size(), 0.0);
    double cumulated = 0, whole = 0;
    bool within = true;
    for (size_t rank = 0; rank < order.size(); ++rank) {
      const double value = p[order[rank]];
      cumulated += value;
      const bool fits = policy.top_p == 0 || cumulated <= policy.top_p;
      const bool likely = (fits || (within && policy.crossing)) && value >= policy.min_weight &&
                          (policy.top_k == 0 || int64_t(rank) < policy.top_k);
      within = fits;
      if (all || int64_t(rank) < policy.keep_k || likely) weights[order[rank]] = policy.equal ? 1 : value;
      whole += weights[order[rank]];
    }
    for (double weight : weights)
      expected.weights.push_back(float(weight * policy.scale / (policy.renormalise && whole > 0 ? whole : 1)));
    for (double value : p) expected.probabilities.push_back(float(value));
    expected.entropy.push_back(float(entropy));
  }
  return expected;
}

void check(Device& device, int64_t rows, int64_t experts, const RoutingPolicy& policy, float spread = 3) {
  std::vector<float> scores = random_floats(size_t(rows * experts), uint64_t(rows + experts), -spread, spread);
  if (experts > 2) scores[1] = scores[0];  // equals: the first comes first
  Graph g;
  const Routing routing = route(g, g.input("scores", DType::f32, {rows, experts}), policy);
  g.keep(routing.weights, "weights");
  g.keep(routing.probabilities, "probabilities");
  g.keep(routing.entropy, "entropy");
  const auto outcome = run_graph(device, g, {.floats = {{"scores", scores}}});
  if (!outcome) FAIL(outcome.error().message);
  const Expected expected = expect(scores, experts, policy);
  INFO(rows << " rows of " << experts << " experts, " << g.print());
  CHECK(nmse(outcome->floats.at("probabilities"), expected.probabilities) < 1e-10);
  CHECK(nmse(outcome->floats.at("weights"), expected.weights) < 1e-10);
  for (size_t i = 0; i < expected.entropy.size(); ++i)
    CHECK(std::abs(outcome->floats.at("entropy")[i] - expected.entropy[i]) < 1e-5);
  int64_t most = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const auto begin = outcome->floats.at("weights").begin() + row * experts;
    most = std::max<int64_t>(most, experts - std::count(begin, begin + experts, 0.0f));
  }
  CHECK(most <= most_chosen(policy, experts));
}

}  // namespace

TEST_CASE("route follows its policy", "[route]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const RoutingPolicy policies[] = {
      {},
      {.top_k = 1},
      {.top_k = 2, .renormalise = true},
      {.top_k = 3, .equal = true, .scale = 2},
      {.top_p = 0.75},
      {.top_p = 0.75, .crossing = true, .renormalise = true},
      {.top_p = 0.01, .crossing = true},
      {.top_k = 3, .top_p = 0.9},
      {.min_weight = 0.05},
      {.keep_k = 1, .min_weight = 0.9, .renormalise = true},
      {.keep_k = 2,
       .top_p = 0.75,
       .entropy = Entropy::tsallis,
       .entropy_index = 1.1,
       .entropy_eps = 1e-5,
       .entropy_threshold = 0.9},
      {.keep_k = 2,
       .top_p = 0.75,
       .entropy = Entropy::tsallis,
       .entropy_index = 1.1,
       .entropy_eps = 1e-5,
       .entropy_threshold = 0.5},
      {.top_k = 2, .entropy = Entropy::renyi, .entropy_index = 2, .entropy_eps = 1e-5, .entropy_threshold = 0.7},
      {.entropy = Entropy::tsallis, .entropy_index = 1},
  };
  for (const RoutingPolicy& policy : policies) {
    check(*device, 1, 6, policy);
    check(*device, 33, 6, policy);
    check(*device, 5, 71, policy);
  }
}

TEST_CASE("route takes many experts and rows", "[route]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  struct {
    int64_t experts, rows, k;
  } const shapes[] = {{8, 22, 4},    {31, 22, 8},  {40, 22, 8},  {71, 22, 8},   {128, 1, 128}, {129, 1, 128},
                      {160, 4, 160}, {256, 22, 6}, {288, 22, 8}, {1024, 2, 20}, {4, 513, 2}};
  for (const auto& s : shapes) {
    check(*device, s.rows, s.experts, {.top_k = s.k});
    check(*device, s.rows, s.experts, {.top_k = s.k, .renormalise = true}, 20);
  }
}

// A work list has room for so many and no more.
TEST_CASE("route never chooses more than its policy says, also where scores are no numbers", "[route]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (const RoutingPolicy& policy : {RoutingPolicy{.top_k = 2}, RoutingPolicy{.top_k = 1, .keep_k = 2}}) {
    Graph g;
    const Routing routing = route(g, g.input("scores", DType::f32, {2, 6}), policy);
    g.keep(routing.weights, "weights");
    std::vector<float> scores = random_floats(12, 1);
    const Expected expected = expect({scores.begin() + 6, scores.end()}, 6, policy);
    scores[3] = std::numeric_limits<float>::quiet_NaN();
    const auto outcome = run_graph(*device, g, {.floats = {{"scores", scores}}});
    if (!outcome) FAIL(outcome.error().message);
    const std::vector<float>& weights = outcome->floats.at("weights");
    CHECK(std::count(weights.begin(), weights.begin() + 6, 0.0f) >= 6 - most_chosen(policy, 6));
    CHECK(nmse({weights.begin() + 6, weights.end()}, expected.weights) < 1e-10);
  }
}

TEST_CASE("route refuses what makes no sense", "[route]") {
  const auto message = [](const RoutingPolicy& policy) {
    Graph g;
    route(g, g.input("scores", DType::f32, {2, 4}), policy);
    return error_of(g);
  };
  CHECK(message({.top_k = 5}) == "[route] top_k is 5, expected 0 to 4 (the number of experts).");
  CHECK(message({.top_p = 1.5}) == "[route] top_p is 1.5, expected 0 to 1.");
  CHECK(message({.min_weight = -1}) == "[route] min_weight is -1, expected 0 to 1.");
}

}  // namespace lorikeet::test
