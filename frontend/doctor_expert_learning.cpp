#include <cmath>

#include "frontend/doctor_support.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/gradients.h"

namespace lorikeet {
namespace {

using Cases = std::vector<DoctorCase>;

constexpr double kScale = 0.5;

// Rows of x by pair, or those that the pairs name.
struct Side {
  Floats values;
  int64_t columns = 0;
  bool gather = false;
  const float* of(const Routed& routed, size_t pair) const {
    return &values[size_t((gather ? routed.pairs[pair].second : int64_t(pair)) * columns)];
  }
  int64_t rows(const Routed& routed) const { return gather ? routed.rows : int64_t(routed.pairs.size()); }
};
Tensor add_side(DoctorCase& c, const char* name, const Routed& routed, Side& side, uint64_t seed) {
  side.values = c.data.floats[name] = noise(side.rows(routed) * side.columns, seed);
  return c.graph.input(name, DType::f32, {side.rows(routed), side.columns});
}

// Stacks of plain matrices: (experts, k, n), or transposed (experts, n, k).
void expert_gemm_cases(Cases& cases, const Routed& routed, bool transpose, bool by_pair, int64_t k, int64_t n) {
  const int64_t pairs = int64_t(routed.pairs.size());
  for (const bool accumulated : {false, true}) {
    if (accumulated && !by_pair) continue;  // it takes pairs alone
    DoctorCase& c =
        add_case(cases, join(accumulated ? "expert_accumulate" : "expert_gemm", transpose ? " transposed" : "",
                             by_pair ? " by pair, " : ", ", routed.text(), ", ", k, " x ", n));
    Side x{.columns = k, .gather = !by_pair};
    const Tensor tx = add_side(c, "x", routed, x, 61);
    const Floats stack = c.data.floats["stack"] = noise(routed.experts * k * n, 62);
    const Tensor ts =
        c.graph.input("stack", DType::f32, transpose ? Shape{routed.experts, n, k} : Shape{routed.experts, k, n});
    const int64_t y_rows = accumulated ? routed.rows : pairs;
    Floats& y = c.floats["y"];
    y = c.data.floats["addend"] = noise(y_rows * n, 63);
    const Tensor addend = c.graph.input("addend", DType::f32, {y_rows, n});
    const auto [list, weights] = routed.add(c);
    c.graph.keep(accumulated ? expert_accumulate(c.graph, {.x = tx,
                                                           .stack = ts,
                                                           .weights = weights,
                                                           .list = list,
                                                           .base = addend,
                                                           .transpose = transpose,
                                                           .scale = kScale})
                             : expert_gemm(c.graph, {.x = tx,
                                                     .stack = ts,
                                                     .list = list,
                                                     .addend = addend,
                                                     .transpose = transpose,
                                                     .by_pair = by_pair,
                                                     .scale = kScale}),
                 "y");
    for (size_t pair = 0; pair < routed.pairs.size(); ++pair) {
      const auto [e, row] = routed.pairs[pair];
      const float* values = x.of(routed, pair);
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t i = 0; i < k; ++i)
          sum += double(values[i]) * stack[size_t(e * k * n + (transpose ? j * k + i : i * n + j))];
        y[size_t((accumulated ? row : int64_t(pair)) * n + j)] +=
            float(kScale * sum * (accumulated ? routed.weight(row, e) : 1));
      }
    }
  }
}

void expert_outer_case(Cases& cases, const Routed& routed, bool gather_a, bool gather_b, int64_t m, int64_t n) {
  DoctorCase& c = add_case(cases, join("expert_outer, ", routed.text(), ", ", m, " x ", n));
  Side a{.columns = m, .gather = gather_a}, b{.columns = n, .gather = gather_b};
  const Tensor ta = add_side(c, "a", routed, a, 64), tb = add_side(c, "b", routed, b, 65);
  const Tensor list = routed.add(c).first;
  c.graph.keep(
      expert_outer(c.graph,
                   {.a = ta, .b = tb, .list = list, .gather_a = gather_a, .gather_b = gather_b, .scale = kScale}),
      "y");
  Floats& y = c.floats["y"];
  y.assign(size_t(routed.experts * m * n), 0);
  for (size_t pair = 0; pair < routed.pairs.size(); ++pair)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j)
        y[size_t((routed.pairs[pair].first * m + i) * n + j)] +=
            float(kScale * a.of(routed, pair)[i] * b.of(routed, pair)[j]);
}

void pair_cases(Cases& cases, const Routed& routed, int64_t columns) {
  for (const bool gather : {false, true}) {
    DoctorCase& c = add_case(cases, join("scale_pairs", gather ? " gathered, " : ", ", routed.text()));
    Side x{.columns = columns, .gather = gather};
    const Tensor tx = add_side(c, "x", routed, x, 66);
    const auto [list, weights] = routed.add(c);
    c.graph.keep(scale_pairs(c.graph, {.x = tx, .weights = weights, .list = list, .gather = gather, .scale = kScale}),
                 "y");
    for (size_t pair = 0; pair < routed.pairs.size(); ++pair)
      for (int64_t i = 0; i < columns; ++i)
        c.floats["y"].push_back(
            float(kScale * routed.weight(routed.pairs[pair].second, routed.pairs[pair].first) * x.of(routed, pair)[i]));
  }
  DoctorCase& c = add_case(cases, join("pair_dot, ", routed.text()));
  Side a{.columns = columns}, b{.columns = columns, .gather = true};
  const Tensor ta = add_side(c, "a", routed, a, 67), tb = add_side(c, "b", routed, b, 68);
  const auto [list, weights] = routed.add(c);
  c.graph.keep(
      pair_dot(c.graph, {.a = ta, .b = tb, .weights = weights, .list = list, .gather_b = true, .scale = kScale}), "y");
  std::vector<double> dots(routed.weights.size());
  for (size_t pair = 0; pair < routed.pairs.size(); ++pair)
    for (int64_t i = 0; i < columns; ++i)
      dots[size_t(routed.pairs[pair].second / routed.share * routed.experts + routed.pairs[pair].first)] +=
          kScale * a.of(routed, pair)[i] * b.of(routed, pair)[i];
  c.floats["y"].assign(dots.begin(), dots.end());
}

// dy[pair] matrix of its expert, of a packed stack.
void expert_matmul_grad_case(Cases& cases, DType type, const Routed& routed, int64_t outputs) {
  const int64_t columns = odd_columns(type), padded = padded_rows(outputs), rows = routed.experts * padded;
  DoctorCase& c = add_case(cases, join("expert_matmul_grad ", name(type), ", ", routed.text()));
  const Matrix w = matrix(type, rows, columns, 69);
  c.data.bytes["stack"] = w.bytes;
  Side dy{.columns = outputs};
  const Tensor tdy = add_side(c, "dy", routed, dy, 70);
  const Tensor list = routed.add(c).first;
  c.graph.keep(
      expert_matmul_grad(c.graph, {.dy = tdy,
                                   .stack = c.graph.weight("stack", type, {rows, columns}, {"stack", 0, rows, padded}),
                                   .list = list,
                                   .outputs = outputs,
                                   .expert_rows = padded}),
      "dx");
  for (size_t pair = 0; pair < routed.pairs.size(); ++pair)
    for (int64_t i = 0; i < columns; ++i) {
      double sum = 0;
      for (int64_t n = 0; n < outputs; ++n)
        sum += double(dy.of(routed, pair)[n]) * w.values[size_t((routed.pairs[pair].first * padded + n) * columns + i)];
      c.floats["dx"].push_back(float(sum));
    }
}

// Through the softmax alone and through the chosen: dscores = p (dp - sum(p dp)), dp of the weights' too.
void route_grad_case(Cases& cases, int64_t rows, int64_t experts) {
  DoctorCase& c = add_case(cases, join("route_grad, ", rows, " rows, ", experts, " experts"));
  c.tolerance = 1e-6;
  c.data.floats["scores"] = noise(rows * experts, 71);
  const Floats dw = c.data.floats["dw"] = noise(rows * experts, 72),
               dp = c.data.floats["dp"] = noise(rows * experts, 73);
  const auto of_scores = [&](const char* name) { return c.graph.input(name, DType::f32, {rows, experts}); };
  route(c.graph, of_scores("scores"), {.top_k = 2});
  const Node forward = c.graph.nodes().back();
  c.graph.keep(route_grad(c.graph, forward, of_scores("dw"), of_scores("dp"), {}), "y");
  for (int64_t r = 0; r < rows; ++r) {
    const float* scores = &c.data.floats["scores"][size_t(r * experts)];
    double sum = 0, mean = 0;
    for (int64_t e = 0; e < experts; ++e) sum += std::exp(double(scores[e]));
    std::vector<double> p, slopes;
    for (int64_t e = 0; e < experts; ++e) {
      int64_t better = 0;
      for (int64_t other = 0; other < experts; ++other) better += scores[other] > scores[e];
      p.push_back(std::exp(double(scores[e])) / sum);
      slopes.push_back(dp[size_t(r * experts + e)] + (better < 2 ? dw[size_t(r * experts + e)] : 0));
      mean += p.back() * slopes.back();
    }
    for (size_t e = 0; e < p.size(); ++e) c.floats["y"].push_back(float(p[e] * (slopes[e] - mean)));
  }
}

}  // namespace

void add_expert_learning_cases(Cases& cases) {
  const Routed one(1, 4, 2), ragged(41, 7, 2), wide(70, 300, 3), together(18, 6, 4, 9);
  for (const Routed& routed : {one, ragged, together}) {
    for (const bool transpose : {false, true}) {
      expert_gemm_cases(cases, routed, transpose, false, 44, 70);
      expert_gemm_cases(cases, routed, transpose, true, 8, 173);
    }
    expert_outer_case(cases, routed, true, false, 70, 8);
    expert_outer_case(cases, routed, false, true, 8, 173);
    pair_cases(cases, routed, 44);
  }
  expert_gemm_cases(cases, wide, true, true, 7, 44);
  for (const DType type : kWeightTypes) expert_matmul_grad_case(cases, type, ragged, 40);
  route_grad_case(cases, 9, 6);
  route_grad_case(cases, 70, 65);
}

}  // namespace lorikeet
