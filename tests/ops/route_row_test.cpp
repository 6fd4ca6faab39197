// One row on its way to its experts: the fused op gives what the ops that it stands for give.
#include <algorithm>

#include "runtime/graph/fuse.h"
#include "runtime/graph/packing.h"
#include "tests/ops/matrix.h"
#include "tests/ops/op_test.h"

namespace lorikeet::test {
namespace {

struct Case {
  DType type = DType::q4_1;
  int64_t experts = 4, hidden = 96, inner = 64;
  RoutingPolicy policy = {.top_k = 2};
  bool bias = false, residual = true;
};

struct Problem {
  Graph graph;
  Data data;
};

// h -> norm -> router -> experts -> sum (+ h).
Problem problem_of(const Case& c) {
  Problem made;
  Graph& g = made.graph;
  const auto stack = [&](const char* name, int64_t block, int64_t columns, uint64_t seed) {
    const Matrix m = random_matrix(c.type, c.experts * block, columns, seed);
    made.data.bytes[name] = m.bytes;
    return g.weight(name, m.type, {m.rows, m.columns}, {name, 0, m.rows, block});
  };
  const Matrix router = random_matrix(DType::f32, c.experts, c.hidden, 3);
  made.data.bytes["router"] = router.bytes;
  made.data.floats = {{"h", random_floats(size_t(c.hidden), 1, -3, 3)},
                      {"norm", random_floats(size_t(c.hidden), 2, 0.5f, 1.5f)},
                      {"bias", random_floats(size_t(c.experts), 4)}};
  const Tensor h = g.input("h", DType::f32, {1, c.hidden});
  const Tensor x = rms_norm(g, h, g.input("norm", DType::f32, {c.hidden}), 1e-5);
  const Tensor bias = c.bias ? g.input("bias", DType::f32, {c.experts}) : Tensor{};
  const Tensor scores =
      matmul(g, x, g.weight("router", DType::f32, {c.experts, c.hidden}, {"router", 0, c.experts, 0}), bias);
  const Tensor weights = route(g, scores, c.policy).weights;
  const Tensor list = sort_rows(g, weights, 1, most_chosen(c.policy, c.experts));
  const Tensor inner = expert_matmul(g, {.x = x,
                                         .stack = stack("gate_up", padded_rows(c.inner) * 2, c.hidden, 5),
                                         .list = list,
                                         .outputs = c.inner,
                                         .gated = true});
  const Tensor outputs = expert_matmul(g, {.x = inner,
                                           .stack = stack("down", padded_rows(c.hidden), padded_rows(c.inner), 6),
                                           .list = list,
                                           .outputs = c.hidden,
                                           .by_pair = true});
  g.keep(
      expert_combine(g, {.outputs = outputs, .weights = weights, .list = list, .residual = c.residual ? h : Tensor{}}),
      "y");
  if (g.error()) FAIL(g.error()->message);
  return made;
}

std::vector<std::string> ops_of(Graph graph, const DeviceProfile& profile) {
  fuse(graph, profile);
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) names.emplace_back(node.op->name);
  return names;
}

}  // namespace

TEST_CASE("one row is routed in one launch as op by op", "[ops][experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "fused experts");
  std::vector<Case> cases;
  for (const DType type : kWeightTypes) cases.push_back({.type = type, .hidden = 512, .inner = 256});
  cases.push_back({.policy = {.top_k = 1, .equal = true, .scale = 4}, .bias = true});
  cases.push_back({.policy = {}, .residual = false});
  cases.push_back({.experts = 16, .hidden = 32, .inner = 32, .policy = {.top_k = 5, .renormalise = true}});
  cases.push_back({.experts = 6, .policy = {.keep_k = 2, .top_p = 0.6}});
  for (const Case& c : cases) {
    INFO(name(c.type) << ", " << c.policy.top_k << " of " << c.experts);
    Problem plain = problem_of(c), fused = problem_of(c);
    CHECK(ops_of(fused.graph, device->profile()) ==
          std::vector<std::string>{"route_row", "expert_matmul", "expert_matmul", "expert_combine"});
    const auto expected = run_graph(*device, plain.graph, plain.data);
    const auto got = run_graph(*device, fused.graph, fused.data, {.fuse = true});
    if (!expected) FAIL(expected.error().message);
    if (!got) FAIL(got.error().message);
    CHECK(nmse(got->floats.at("y"), expected->floats.at("y")) < 1e-9);
  }
}

TEST_CASE("what reads the routing keeps it from being fused", "[ops][experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "fused experts");
  Problem kept = problem_of({});
  for (const Node& node : kept.graph.nodes())
    if (std::string(node.op->name) == "route") {
      kept.graph.keep(node.outputs[1], "probabilities");
      break;
    }
  const auto names = ops_of(kept.graph, device->profile());
  CHECK(std::count(names.begin(), names.end(), "route") == 1);
}

}  // namespace lorikeet::test
