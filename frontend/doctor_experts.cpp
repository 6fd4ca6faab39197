#include <algorithm>
#include <cmath>
#include <numeric>

#include "frontend/doctor_support.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/ops.h"

namespace lorikeet {
namespace {

using Cases = std::vector<DoctorCase>;

// ---- route ----------------------------------------------------------------------------------------------------------

void route_case(Cases& cases, const char* what, const RoutingPolicy& policy, int64_t rows, int64_t experts) {
  DoctorCase& c = add_case(cases, join("route ", what, ", ", rows, " rows, ", experts, " experts"));
  const Floats scores = c.data.floats["scores"] = noise(rows * experts, 23);
  const Routing made = route(c.graph, c.graph.input("scores", DType::f32, {rows, experts}), policy);
  c.graph.keep(made.weights, "weights");
  c.graph.keep(made.probabilities, "probabilities");
  for (int64_t r = 0; r < rows; ++r) {
    std::vector<double> p(static_cast<size_t>(experts)), chosen(p.size());
    double sum = 0, entropy = 0;
    for (size_t e = 0; e < p.size(); ++e) sum += p[e] = std::exp(double(scores[size_t(r * experts) + e]));
    for (double& value : p) {
      value /= sum;
      entropy -= value * std::log(value) / std::log(double(experts));
    }
    std::vector<size_t> order(p.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
    const bool all = policy.entropy != RoutingPolicy::Entropy::none && entropy > policy.entropy_threshold;
    double within = 0, whole = 0;
    for (size_t rank = 0; rank < order.size(); ++rank) {
      within += p[order[rank]];
      const bool likely =
          (policy.top_k == 0 || int64_t(rank) < policy.top_k) && (policy.top_p == 0 || within <= policy.top_p);
      if (all || likely || int64_t(rank) < policy.keep_k) whole += chosen[order[rank]] = p[order[rank]];
    }
    for (size_t e = 0; e < p.size(); ++e) {
      c.floats["weights"].push_back(float(policy.renormalise ? chosen[e] / whole : chosen[e]));
      c.floats["probabilities"].push_back(float(p[e]));
    }
  }
}

// ---- products -------------------------------------------------------------------------------------------------------

enum class Kind { gathered, gated, by_pair };

void expert_matmul_case(Cases& cases, DType type, const Routed& routed, int64_t outputs, Kind form) {
  const bool gated = form == Kind::gated, by_pair = form == Kind::by_pair;
  const int64_t columns = odd_columns(type), padded = padded_rows(outputs), block = gated ? 2 * padded : padded;
  DoctorCase& c = add_case(cases, join("expert_matmul ", name(type),
                                       gated     ? " gated, "
                                       : by_pair ? " by pair, "
                                                 : ", ",
                                       routed.text(), ", ", outputs, " x ", columns));
  Floats stack = noise(routed.experts * block * columns, 24);
  for (int64_t r = 0; r < routed.experts * block; ++r)
    if (r % padded >= outputs) std::fill_n(stack.begin() + r * columns, columns, 0.0f);
  const Matrix w = matrix_of(type, std::move(stack), columns);
  const int64_t x_rows = by_pair ? int64_t(routed.pairs.size()) : routed.rows;
  const Floats x = c.data.floats["x"] = noise(x_rows * columns, 25);
  c.data.bytes["stack"] = w.bytes;
  const Tensor list = routed.add(c).first;
  const int64_t rows = routed.experts * block;
  c.graph.keep(
      expert_matmul(c.graph, {.x = c.graph.input("x", DType::f32, {x_rows, columns}),
                              .stack = c.graph.weight("stack", type, {rows, columns}, {"stack", 0, rows, block}),
                              .list = list,
                              .outputs = outputs,
                              .gated = gated,
                              .by_pair = by_pair}),
      "y");
  Floats& y = c.floats["y"];
  for (size_t pair = 0; pair < routed.pairs.size(); ++pair) {
    const auto [e, row] = routed.pairs[pair];
    const int64_t x_row = by_pair ? int64_t(pair) : row;
    const Floats one(x.begin() + x_row * columns, x.begin() + (x_row + 1) * columns),
        expert(w.values.begin() + e * block * columns, w.values.begin() + (e + 1) * block * columns);
    const Floats all = product(one, expert, 1, block, columns);
    if (!gated) y.insert(y.end(), all.begin(), all.begin() + outputs);
    for (int64_t n = 0; gated && n < padded; ++n) y.push_back(float(silu(all[size_t(n)]) * all[size_t(padded + n)]));
  }
}

void expert_combine_case(Cases& cases, const Routed& routed, int64_t columns, bool residual) {
  DoctorCase& c = add_case(cases, join("expert_combine, ", routed.text(), ", ", columns, " columns"));
  const int64_t pairs = int64_t(routed.pairs.size());
  const Floats outputs = c.data.floats["outputs"] = noise(pairs * columns, 26);
  const auto [list, weights] = routed.add(c);
  ExpertCombine parts{
      .outputs = c.graph.input("outputs", DType::f32, {pairs, columns}), .weights = weights, .list = list};
  Floats& y = c.floats["y"];
  y.assign(size_t(routed.rows * columns), 0.0f);
  if (residual) {
    y = c.data.floats["residual"] = noise(routed.rows * columns, 27);
    parts.residual = c.graph.input("residual", DType::f32, {routed.rows, columns});
    parts.residual_scale = 0.5;
    for (float& value : y) value *= 0.5f;
  }
  c.graph.keep(expert_combine(c.graph, parts), "y");
  for (size_t pair = 0; pair < routed.pairs.size(); ++pair) {
    const auto [e, row] = routed.pairs[pair];
    for (int64_t i = 0; i < columns; ++i)
      y[size_t(row * columns + i)] += routed.weight(row, e) * outputs[pair * size_t(columns) + size_t(i)];
  }
}

}  // namespace

void add_expert_cases(Cases& cases) {
  route_case(cases, "top-k", {.top_k = 2, .renormalise = true}, 3, 8);
  route_case(cases, "top-k", {.top_k = 8}, 5, 300);
  route_case(cases, "top-p", {.keep_k = 1, .top_p = 0.4, .renormalise = true}, 4, 70);
  route_case(cases, "entropy", {.top_k = 1, .entropy = RoutingPolicy::Entropy::tsallis, .entropy_threshold = 0.95}, 9,
             4);

  const Routed one(1, 4, 2), ragged(41, 7, 2), wide(70, 300, 3), together(18, 6, 4, 9);
  for (const DType type : kWeightTypes) {
    expert_matmul_case(cases, type, one, 70, Kind::gated);
    expert_matmul_case(cases, type, ragged, 70, Kind::gathered);
  }
  expert_matmul_case(cases, DType::q4_1, ragged, 40, Kind::gated);
  expert_matmul_case(cases, DType::q4_1, ragged, 40, Kind::by_pair);
  expert_matmul_case(cases, DType::q4_1, wide, 40, Kind::gathered);
  expert_matmul_case(cases, DType::q4_1, together, 40, Kind::gathered);
  expert_combine_case(cases, one, 64, false);
  expert_combine_case(cases, ragged, 173, true);
  expert_combine_case(cases, wide, 44, true);
  expert_combine_case(cases, together, 44, false);
}

}  // namespace lorikeet
