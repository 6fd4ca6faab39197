// Experts of plain f32 matrices against a dense reference, and the gradients of the road of experts.
#include "runtime/graph/gradient.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/gradients.h"
#include "tests/ops/matrix.h"
#include "tests/ops/op_test.h"
#include "tests/support/gradient.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

struct Case {
  int64_t experts = 4, used = 2, rows = 5, k = 16, n = 24, share = 1;
};

// `used` experts a row, never the same ones twice in a row; others have weight 0.
std::vector<float> routing_weights(const Case& c) {
  std::vector<float> weights(size_t(c.rows / c.share * c.experts), 0.0f);
  for (int64_t r = 0; r < c.rows / c.share; ++r)
    for (int64_t i = 0; i < c.used; ++i) {
      const int64_t e = (r * 3 + i) % c.experts;
      weights[size_t(r * c.experts + e)] = 0.3f + 0.1f * float((r + 2 * i) % 5);
    }
  return weights;
}

Data data_of(const Case& c) {
  return {.floats = {{"x", random_floats(size_t(c.rows * c.k), 1)},
                     {"a", random_floats(size_t(c.experts * c.n * c.k), 2)},
                     {"b", random_floats(size_t(c.experts * c.k * c.n), 3)},
                     {"base", random_floats(size_t(c.rows * c.k), 4)},
                     {"weights", routing_weights(c)}}};
}

// base + 1.5 * sum over experts of weight * b_e (a_e x), as LoRA experts do; `transposed` is how the stacks lie in
// memory.
Tensor low_rank(Graph& g, const Case& c, bool transposed) {
  const auto stack = [&](const char* name, int64_t in, int64_t out) {
    return g.input(name, DType::f32, transposed ? Shape{c.experts, out, in} : Shape{c.experts, in, out});
  };
  const Tensor weights = g.input("weights", DType::f32, {c.rows / c.share, c.experts});
  const Tensor list = sort_rows(g, weights, c.share, c.used);
  const Tensor inner = expert_gemm(g, {.x = g.input("x", DType::f32, {c.rows, c.k}),
                                       .stack = stack("a", c.k, c.n),
                                       .list = list,
                                       .transpose = transposed});
  return expert_accumulate(g, {.x = inner,
                               .stack = stack("b", c.n, c.k),
                               .weights = weights,
                               .list = list,
                               .base = g.input("base", DType::f32, {c.rows, c.k}),
                               .transpose = transposed,
                               .scale = 1.5});
}

std::vector<float> dense(const Case& c, const Data& data, bool transposed) {
  const auto at = [&](const std::vector<float>& m, int64_t e, int64_t in, int64_t out, int64_t i, int64_t o) {
    return double(m[size_t(e * in * out + (transposed ? o * in + i : i * out + o))]);
  };
  const auto &x = data.floats.at("x"), &a = data.floats.at("a"), &b = data.floats.at("b");
  std::vector<float> y(data.floats.at("base"));
  for (int64_t r = 0; r < c.rows; ++r)
    for (int64_t e = 0; e < c.experts; ++e) {
      const double weight = data.floats.at("weights")[size_t(r / c.share * c.experts + e)];
      if (weight == 0) continue;
      for (int64_t o = 0; o < c.k; ++o) {
        double sum = 0;
        for (int64_t m = 0; m < c.n; ++m) {
          double inner = 0;
          for (int64_t i = 0; i < c.k; ++i) inner += double(x[size_t(r * c.k + i)]) * at(a, e, c.k, c.n, i, m);
          sum += inner * at(b, e, c.n, c.k, m, o);
        }
        y[size_t(r * c.k + o)] += float(1.5 * weight * sum);
      }
    }
  return y;
}

constexpr double kTolerance = 1e-6;

}  // namespace

TEST_CASE("experts of plain matrices add up to a dense sum, and so do their gradients", "[ops][gradient][experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "experts");
  for (const Case& c : {Case{1, 1, 1, 4, 3}, Case{4, 2, 5, 16, 24}, Case{6, 6, 3, 10, 7}, Case{6, 2, 33, 70, 40},
                        Case{3, 1, 20, 8, 100}, Case{4, 2, 12, 9, 5, 4}, Case{40, 3, 9, 8, 8}}) {
    const Data data = data_of(c);
    for (const bool transposed : {false, true}) {
      INFO(c.experts << " experts, " << c.used << " used, " << c.rows << " rows, " << c.k << " x " << c.n << ", share "
                     << c.share << (transposed ? ", transposed" : ""));
      Graph g;
      g.keep(low_rank(g, c, transposed), "y");
      check_choices(*device, g, data, dense(c, data, transposed), 1e-10);
      // A weight of zero must stay zero: so the weights' own gradient is looked at on its own below.
      CHECK(gradient_error(*device, [&](Graph& graph) { return low_rank(graph, c, transposed); }, data,
                           {"x", "a", "b", "base"}) < kTolerance);
    }
  }
}

TEST_CASE("gradients flow through a router into its experts", "[ops][gradient][experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "experts");
  const Case c{.experts = 5, .used = 2, .rows = 9, .k = 12, .n = 6};
  Data data = data_of(c);
  data.floats["router"] = random_floats(size_t(c.experts * c.k), 7, -3, 3);
  const auto build = [&](const RoutingPolicy& policy, bool combine) {
    return [=](Graph& g) {
      const Tensor x = g.input("x", DType::f32, {c.rows, c.k});
      const Tensor scores =
          gemm(g, {.a = x, .b = g.input("router", DType::f32, {c.experts, c.k}), .transpose_b = true});
      const Routing routing = route(g, scores, policy);
      const Tensor list = sort_rows(g, routing.weights, 1, most_chosen(policy, c.experts));
      const Tensor inner =
          expert_gemm(g, {.x = x, .stack = g.input("a", DType::f32, {c.experts, c.k, c.n}), .list = list});
      const Tensor b = g.input("b", DType::f32, {c.experts, c.n, c.k});
      if (!combine) return expert_accumulate(g, {.x = inner, .stack = b, .weights = routing.weights, .list = list});
      const Tensor outputs = expert_gemm(g, {.x = inner, .stack = b, .list = list, .by_pair = true});
      return expert_combine(
          g, {.outputs = outputs, .weights = routing.weights, .list = list, .residual = x, .residual_scale = 0.5});
    };
  };
  using Entropy = RoutingPolicy::Entropy;
  // Steps are small, so that who is chosen does not change on the way.
  for (const bool combine : {false, true})
    for (const RoutingPolicy& policy :
         {RoutingPolicy{}, RoutingPolicy{.top_k = 2}, RoutingPolicy{.top_k = 2, .renormalise = true, .scale = 1.3},
          RoutingPolicy{.keep_k = 2,
          .top_p = 0.75,
          .entropy = Entropy::tsallis,
          .entropy_index = 1.1,
          .entropy_eps = 1e-5,
          .entropy_threshold = 0.7}}) {
      INFO((combine ? "combine" : "accumulate")
           << ", top_k " << policy.top_k << ", renormalise " << policy.renormalise);
      CHECK(gradient_error(*device, build(policy, combine), data, {"x", "router", "a", "b"}, 1e-3) < 1e-4);
    }
}

TEST_CASE("gradients of routing weights, probabilities and entropies", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "route");
  using Entropy = RoutingPolicy::Entropy;
  constexpr int64_t kRows = 70, kExperts = 6;
  const Data data{.floats = {{"scores", random_floats(size_t(kRows * kExperts), 5, -2, 2)}}};
  for (const RoutingPolicy& policy :
       {RoutingPolicy{.entropy = Entropy::tsallis, .entropy_index = 1.1, .entropy_eps = 1e-5},
        RoutingPolicy{.entropy = Entropy::tsallis, .entropy_index = 1, .entropy_eps = 1e-5},
        RoutingPolicy{.renormalise = true, .entropy = Entropy::renyi, .entropy_index = 2, .entropy_eps = 1e-5},
        RoutingPolicy{.scale = 0.5, .entropy = Entropy::renyi, .entropy_index = 0.5, .entropy_eps = 1e-5}}) {
    const auto build = [&](int output) {
      return [&policy, output](Graph& g) {
        const Routing r = route(g, g.input("scores", DType::f32, {kRows, kExperts}), policy);
        return output == 0 ? r.weights : output == 1 ? r.probabilities : r.entropy;
      };
    };
    for (const int output : {0, 1, 2}) {
      INFO("output " << output << ", entropy " << int(policy.entropy) << " of index " << policy.entropy_index);
      CHECK(gradient_error(*device, build(output), data, {"scores"}) < 1e-5);
    }
  }
}

TEST_CASE("gradients of frozen experts read packed stacks of every type", "[ops][gradient][experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "experts");
  constexpr int64_t kExperts = 5, kRows = 13, kUsed = 2, kOutputs = 40, kColumns = 256;
  const Case c{.experts = kExperts, .used = kUsed, .rows = kRows};
  for (const DType type : kWeightTypes) {
    const int64_t block = padded_rows(kOutputs);
    const Matrix stack = random_matrix(type, kExperts * block, kColumns, 3);
    const std::vector<float> weights = routing_weights(c), dy = random_floats(size_t(kRows * kOutputs), 4);
    Graph g;
    const Tensor tw = g.input("weights", DType::f32, {kRows, kExperts});
    const Tensor list = sort_rows(g, tw, 1, kUsed);
    const Tensor by_pair = scale_pairs(
        g, {.x = g.input("dy", DType::f32, {kRows, kOutputs}), .weights = tw, .list = list, .gather = true});
    const Tensor dx = expert_matmul_grad(
        g, {.dy = by_pair,
            .stack = g.weight("stack", type, {kExperts * block, kColumns}, {"stack", 0, kExperts * block, block}),
            .list = list,
            .outputs = kOutputs,
            .expert_rows = block});
    g.keep(expert_combine(g, {.outputs = dx, .weights = tw, .list = list}), "y");
    // Weighted on the way in and on the way out.
    std::vector<float> expected(size_t(kRows * kColumns), 0.0f);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t e = 0; e < kExperts; ++e) {
        const float w = weights[size_t(r * kExperts + e)];
        for (int64_t o = 0; w != 0 && o < kOutputs; ++o)
          for (int64_t i = 0; i < kColumns; ++i)
            expected[size_t(r * kColumns + i)] +=
                w * w * dy[size_t(r * kOutputs + o)] * stack.values[size_t((e * block + o) * kColumns + i)];
      }
    INFO(name(type));
    check_choices(*device, g, {.floats = {{"weights", weights}, {"dy", dy}}, .bytes = {{"stack", stack.bytes}}},
                  expected, 1e-9);
  }
}

TEST_CASE("gradients go through frozen gated experts", "[ops][gradient][experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "experts");
  for (const Case& c : {Case{4, 2, 9, 44, 64}, Case{5, 3, 12, 32, 32, 4}}) {
    const int64_t outer = padded_rows(c.k), gate_up = 2 * c.n;
    const Matrix up = random_matrix(DType::f16, c.experts * gate_up, c.k, 11),
                 down = random_matrix(DType::f16, c.experts * outer, c.n, 12);
    const Data data{.floats = {{"x", random_floats(size_t(c.rows * c.k), 1)}, {"weights", routing_weights(c)}},
                    .bytes = {{"up", up.bytes}, {"down", down.bytes}}};
    const BuildOp build = [&](Graph& g) {
      const Tensor weights = g.input("weights", DType::f32, {c.rows / c.share, c.experts});
      const Tensor list = sort_rows(g, weights, c.share, c.used);
      const auto stack = [&](const char* name, int64_t rows, int64_t columns) {
        return g.weight(name, DType::f16, {c.experts * rows, columns}, {name, 0, c.experts * rows, rows});
      };
      const Tensor inner = expert_matmul(g, {.x = g.input("x", DType::f32, {c.rows, c.k}),
                                             .stack = stack("up", gate_up, c.k),
                                             .list = list,
                                             .outputs = c.n,
                                             .gated = true});
      const Tensor outputs = expert_matmul(
          g, {.x = inner, .stack = stack("down", outer, c.n), .list = list, .outputs = c.k, .by_pair = true});
      return expert_combine(g, {.outputs = outputs, .weights = weights, .list = list});
    };
    INFO(c.experts << " experts, " << c.rows << " rows, share " << c.share);
    CHECK(gradient_error(*device, build, data, {"x"}) < 1e-5);
  }
}
