#include "frontend/bench_ops.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

#include "frontend/bench_timer.h"
#include "frontend/checkpoint/quant/quant.h"
#include "frontend/control.h"
#include "frontend/measure.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/ops.h"

namespace lorikeet {
namespace {

Result<BenchProblem> matmul_problem(const MatmulBench& what) {
  BenchProblem p{.size = rows_text(what.rows)};
  const Tensor x = p.graph.input("x", DType::f32, {what.rows, what.columns});
  const Tensor w = p.graph.weight("w", what.type, {what.outputs, what.columns}, {"w", 0, padded_rows(what.outputs)});
  p.graph.keep(matmul(p.graph, x, w), "y");
  p.data.floats["x"] = noise(what.rows * what.columns, 2);
  LK_ASSIGN(p.data.bytes["w"], random_weight(what.type, what.outputs, what.columns, 1));
  p.flops = 2.0 * double(what.rows * what.outputs * what.columns);
  p.bytes = double(packed_bytes(what.type, what.outputs, what.columns)) +
            4.0 * double(what.rows * (what.columns + what.outputs));
  return p;
}

// ---- experts --------------------------------------------------------------------------------------------------------

Result<Tensor> add_stack(BenchProblem& p, const ExpertsBench& what, const char* name, int64_t block, int64_t columns) {
  const int64_t rows = what.experts * block;
  LK_ASSIGN(p.data.bytes[name], random_weight(what.type, rows, columns, 3));
  return p.graph.weight(name, what.type, {rows, columns}, {name, 0, rows, block});
}

// `used` experts at random for each row of the routing; how many different ones in all.
int64_t add_routing(BenchProblem& p, const ExpertsBench& what) {
  std::vector<int64_t> order(static_cast<size_t>(what.experts));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(4);
  std::vector<float>& weights = p.data.floats["weights"];
  weights.resize(size_t(what.rows / what.share * what.experts));
  std::set<int64_t> touched;
  for (int64_t row = 0; row < what.rows / what.share; ++row) {
    std::shuffle(order.begin(), order.end(), random);
    for (int64_t i = 0; i < what.used; ++i) {
      weights[size_t(row * what.experts + order[size_t(i)])] = 1;
      touched.insert(order[size_t(i)]);
    }
  }
  return int64_t(touched.size());
}

Result<BenchProblem> grouped_problem(const ExpertsBench& what) {
  BenchProblem p{.size = rows_text(what.rows)};
  const int64_t pairs = what.rows * what.used, touched = add_routing(p, what);
  p.data.floats["x"] = noise(what.rows * what.columns, 2);
  const Tensor x = p.graph.input("x", DType::f32, {what.rows, what.columns});
  const Tensor weights = p.graph.input("weights", DType::f32, {what.rows / what.share, what.experts});
  LK_ASSIGN(const Tensor stack, add_stack(p, what, "stack", padded_rows(what.outputs), what.columns));
  const Tensor list = sort_rows(p.graph, weights, what.share, what.used);
  p.graph.keep(expert_matmul(p.graph, {.x = x, .stack = stack, .list = list, .outputs = what.outputs}), "y");
  p.flops = 2.0 * double(pairs * what.outputs * what.columns);
  p.bytes = double(touched) * double(packed_bytes(what.type, what.outputs, what.columns)) +
            4.0 * double(what.rows * what.columns + pairs * what.outputs);
  return p;
}

Result<BenchProblem> feed_forward_problem(const ExpertsBench& what) {
  BenchProblem p{.size = rows_text(what.rows)};
  Graph& g = p.graph;
  p.data.floats["x"] = noise(what.rows * what.columns, 2);
  p.data.floats["scores"] = noise(what.rows / what.share * what.experts, 5);
  const Tensor x = g.input("x", DType::f32, {what.rows, what.columns});
  const Tensor scores = g.input("scores", DType::f32, {what.rows / what.share, what.experts});
  LK_ASSIGN(const Tensor gate_up, add_stack(p, what, "gate_up", 2 * padded_rows(what.outputs), what.columns));
  LK_ASSIGN(const Tensor down, add_stack(p, what, "down", padded_rows(what.columns), what.outputs));
  const Routing routing = route(g, scores, {.top_k = what.used, .renormalise = true});
  const Tensor list = sort_rows(g, routing.weights, what.share, what.used);
  const Tensor inner =
      expert_matmul(g, {.x = x, .stack = gate_up, .list = list, .outputs = what.outputs, .gated = true});
  const Tensor outputs =
      expert_matmul(g, {.x = inner, .stack = down, .list = list, .outputs = what.columns, .by_pair = true});
  g.keep(expert_combine(g, {.outputs = outputs, .weights = routing.weights, .list = list}), "y");
  p.flops = 3 * 2.0 * double(what.rows * what.used * what.outputs * what.columns);
  return p;
}

}  // namespace

BenchLines bench_matmul(Device& device, KernelLibrary& kernels, const MatmulBench& what) {
  LK_TRY(expect_weight(what.type, {what.columns}));
  LK_ASSIGN(const BenchProblem problem, matmul_problem(what));
  return BenchTimer(device, kernels, what.seconds).choices(problem);
}

BenchLines bench_experts(Device& device, KernelLibrary& kernels, const ExpertsBench& what) {
  constexpr double kTolerance = 1e-6;  // of three products after one another
  LK_TRY(expect_weight(what.type, {what.columns, what.outputs}));
  const BenchTimer timer(device, kernels, what.seconds);
  std::vector<BenchLine> lines;
  {
    LK_ASSIGN(const BenchProblem grouped, grouped_problem(what));
    LK_ASSIGN(lines, timer.choices(grouped));
  }
  const int64_t pairs = what.rows * what.used;
  LK_ASSIGN(const BenchProblem plain,
            matmul_problem({.type = what.type, .rows = pairs, .outputs = what.outputs, .columns = what.columns}));
  LK_ASSIGN(BenchLine one, timer.whole(plain, kTolerance));
  one.what = join("one matmul of ", rows_text(pairs));
  one.note += join(", grouped takes ", lines.front().milliseconds / one.milliseconds, " of its time");
  lines.push_back(one);
  LK_ASSIGN(const BenchProblem network, feed_forward_problem(what));
  LK_ASSIGN(BenchLine road, timer.whole(network, kTolerance));
  road.what = join("route to combine, ", rows_text(what.rows));
  lines.push_back(road);
  return lines;
}

BenchLines bench_route(Device& device, KernelLibrary& kernels, const RouteBench& what) {
  constexpr double kFlopsPerScore = 5;  // of a softmax: largest, difference, power, sum, quotient
  const int64_t scores = what.rows * what.experts;
  BenchProblem p{.size = rows_text(what.rows)};
  p.data.floats["scores"] = noise(scores, 1);
  const Tensor input = p.graph.input("scores", DType::f32, {what.rows, what.experts});
  p.graph.keep(route(p.graph, input, {.top_k = what.top_k, .renormalise = true}).weights, "y");
  p.flops = kFlopsPerScore * double(scores);
  p.bytes = 4.0 * double(3 * scores + what.rows);
  return BenchTimer(device, kernels, what.seconds).choices(p);
}

BenchLines bench_attention(Device& device, KernelLibrary& kernels, const AttentionBench& what) {
  if (what.rows > what.context)
    return invalid(join("[bench] ", what.rows, " rows are more than the context of ", what.context, " positions."));
  const uint32_t blocks = uint32_t((what.context + shader::kKvBlockPositions - 1) / shader::kKvBlockPositions);
  const int64_t places = int64_t(blocks) * shader::kKvBlockPositions, columns = what.kv_heads * what.head_dim;
  BenchProblem p{.size = rows_text(what.rows)};
  Graph& g = p.graph;
  std::vector<shader::Row> rows;
  std::vector<uint32_t> order(blocks);
  std::iota(order.begin(), order.end(), 0u);
  for (int64_t r = what.context - what.rows; r < what.context; ++r) rows.push_back({0, uint32_t(r), 0, 0});
  ControlTables tables(uint32_t(rows.size()), 1, blocks);
  tables.set_rows(rows, {}, uint32_t(rows.size()));
  tables.set_blocks(0, order);
  p.data.words["control"] = tables.table();
  p.data.floats["q"] = noise(what.rows * what.heads * what.head_dim, 1);
  for (const char* cache : {"k", "v"}) {
    std::vector<std::byte>& bytes = p.data.bytes[cache];
    bytes.resize(row_bytes(what.kv, uint64_t(places * columns)));
    LK_TRY(quantise(what.kv, noise(places * columns, 2), bytes, 0));
  }
  const Tensor q = g.input("q", DType::f32, {what.rows, what.heads * what.head_dim});
  const Tensor k = g.state("k", what.kv, {places, columns}), v = g.state("v", what.kv, {places, columns});
  const Tensor control = g.state("control", DType::u32, {int64_t(tables.words())});
  g.keep(attention(g, q, k, v, control,
                   {.heads = what.heads,
                    .kv_heads = what.kv_heads,
                    .head_dim = what.head_dim,
                    .scale = 1 / std::sqrt(double(what.head_dim)),
                    .kv_limit = what.context}),
         "y");
  for (const shader::Row& row : rows) p.flops += 4.0 * double(what.heads * what.head_dim) * double(row.position + 1);
  p.bytes = 2.0 * double(row_bytes(what.kv, uint64_t(what.context * columns))) +
            2 * 4.0 * double(what.rows * what.heads * what.head_dim);
  return BenchTimer(device, kernels, what.seconds).choices(p);
}

}  // namespace lorikeet
