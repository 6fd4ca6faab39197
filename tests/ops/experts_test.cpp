// The road of all mixtures of experts against a dense reference in double precision.
#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

#include "runtime/graph/packing.h"
#include "runtime/plan/rig.h"
#include "tests/ops/matrix.h"
#include "tests/ops/op_test.h"

namespace lorikeet::test {
namespace {

// A feed-forward network of experts: y[r] = sum of weights[r, e] down_e(silu(gate_e x) * up_e x) + 0.5 x.
struct Case {
  int64_t experts = 4, used = 2, rows = 5, hidden = 64, inner = 96;
  int64_t share = 1;                                      // rows that share their routing
  std::function<float(int64_t row, int64_t e)> weight{};  // empty: `used` random experts a row
  bool routed = false;                                    // by `route` from scores, with `least` as min_weight
  double least = 0;
};

int64_t expert_rows(int64_t outputs, int64_t parts) { return padded_rows(outputs) * parts; }

// What the graph is given: routing weights or, to be routed, scores; (rows / share, experts).
std::vector<float> given_of(const Case& c) {
  const int64_t rows = c.rows / c.share;
  if (c.routed) return random_floats(size_t(rows * c.experts), 2, -2, 2);
  std::vector<float> weights(size_t(rows * c.experts), 0.0f);
  std::mt19937_64 random(2);
  std::vector<int64_t> order(static_cast<size_t>(c.experts));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t r = 0; r < rows; ++r) {
    std::shuffle(order.begin(), order.end(), random);
    for (int64_t e = 0; c.weight && e < c.experts; ++e) weights[size_t(r * c.experts + e)] = c.weight(r, e);
    for (int64_t i = 0; !c.weight && i < c.used; ++i)
      weights[size_t(r * c.experts + order[size_t(i)])] = 0.25f + float(random() % 100) / 100;
  }
  return weights;
}

// The routing weights: what is given, or what `route` should make of it.
std::vector<float> weights_of(const Case& c) {
  const std::vector<float> given = given_of(c);
  if (!c.routed) return given;
  std::vector<float> weights(given.size(), 0.0f);
  std::vector<size_t> order(static_cast<size_t>(c.experts));
  for (size_t row = 0; row < given.size(); row += order.size()) {
    const float* s = given.data() + row;
    double sum = 0;
    for (size_t e = 0; e < order.size(); ++e) sum += std::exp(double(s[e]));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return s[a] > s[b]; });
    for (size_t i = 0; i < size_t(c.used); ++i) {
      const double p = std::exp(double(s[order[i]])) / sum;
      if (p >= c.least) weights[row + order[i]] = float(p);
    }
  }
  return weights;
}

// Rows of padding are zero, as they are when a model loads each expert to its place.
Matrix stack_rows(DType type, int64_t outputs, int64_t parts, int64_t columns, int64_t experts, uint64_t seed) {
  Matrix m{type, experts * expert_rows(outputs, parts), columns, {}, {}};
  m.values = random_floats(size_t(m.rows * columns), seed, -0.2f, 0.2f);
  for (int64_t r = 0; r < m.rows; ++r)
    if (r % padded_rows(outputs) >= outputs) std::fill_n(m.values.begin() + r * columns, columns, 0.0f);
  m.bytes.resize(row_bytes(type, uint64_t(columns)) * uint64_t(m.rows));
  REQUIRE(quantise(type, m.values, m.bytes, 0).ok());
  m.values = {};  // each expert is read from the bytes when it is wanted
  return m;
}

Tensor stack_weight(Graph& g, const char* name, const Matrix& m, int64_t block) {
  return g.weight(name, m.type, {m.rows, m.columns}, {name, 0, m.rows, block});
}

// The weights of all experts; they may serve several cases.
struct Stacks {
  Matrix gate_up, down;

  Stacks(DType type, const Case& c, uint64_t seed = 3)
      : gate_up(stack_rows(type, c.inner, 2, c.hidden, c.experts, seed)),
        down(stack_rows(type, c.hidden, 1, c.inner, c.experts, seed + 1)) {}
};

// The rows that an expert gets and their weights.
struct Share {
  std::vector<size_t> rows;
  std::vector<double> weights, x;  // x: (rows, columns)
};

Share share_of(int64_t expert, const Case& c, const std::vector<float>& x, const std::vector<float>& weights) {
  Share share;
  for (int64_t r = 0; r < c.rows; ++r) {
    const double w = weights[size_t(r / c.share * c.experts + expert)];
    if (w == 0) continue;
    share.rows.push_back(size_t(r));
    share.weights.push_back(w);
    share.x.insert(share.x.end(), x.begin() + r * c.hidden, x.begin() + (r + 1) * c.hidden);
  }
  return share;
}

// y[row] += weight * outputs[row], for the rows of a share.
void add_share(std::vector<double>& y, const Share& share, const std::vector<double>& outputs) {
  const size_t columns = outputs.size() / share.rows.size();
  for (size_t i = 0; i < outputs.size(); ++i)
    y[share.rows[i / columns] * columns + i % columns] += share.weights[i / columns] * outputs[i];
}

Tensor routing(Graph& g, const Case& c) {
  const Tensor given = g.input("given", DType::f32, {c.rows / c.share, c.experts});
  return c.routed ? route(g, given, {.top_k = c.used, .min_weight = c.least}).weights : given;
}

struct Problem {
  Graph graph;
  Data data;
  std::vector<float> expected;
};

std::vector<float> expected_of(const Stacks& stacks, const Case& c, const std::vector<float>& x,
                               const std::vector<float>& weights) {
  std::vector<double> y(x.begin(), x.end());
  for (double& value : y) value *= 0.5;
  for (int64_t e = 0; e < c.experts; ++e) {
    const Share share = share_of(e, c, x, weights);
    if (share.rows.empty()) continue;
    const int64_t block = expert_rows(c.inner, 2);
    const Matrix gate_up = some_rows(stacks.gate_up, e * block, block);
    const Matrix down = some_rows(stacks.down, e * expert_rows(c.hidden, 1), c.hidden);
    std::vector<double> inner = product(share.x, gate_up, 0, c.inner);
    const std::vector<double> up = product(share.x, gate_up, padded_rows(c.inner), c.inner);
    for (size_t i = 0; i < inner.size(); ++i) inner[i] = inner[i] / (1 + std::exp(-inner[i])) * up[i];
    add_share(y, share, product(inner, down, 0, c.hidden));
  }
  return {y.begin(), y.end()};
}

Problem experts(const Stacks& stacks, const Case& c) {
  Problem problem;
  Graph& g = problem.graph;
  const std::vector<float> x = random_floats(size_t(c.rows * c.hidden), 1);
  problem.data.floats = {{"x", x}, {"given", given_of(c)}};
  problem.data.bytes["gate_up"] = stacks.gate_up.bytes;
  problem.data.bytes["down"] = stacks.down.bytes;
  const Tensor tx = g.input("x", DType::f32, {c.rows, c.hidden});
  const Tensor weights = routing(g, c);
  const Tensor list = sort_rows(g, weights, c.share, c.weight ? c.experts : c.used);
  const Tensor inner = expert_matmul(g, {.x = tx,
                                         .stack = stack_weight(g, "gate_up", stacks.gate_up, expert_rows(c.inner, 2)),
                                         .list = list,
                                         .outputs = c.inner,
                                         .gated = true});
  const Tensor outputs = expert_matmul(g, {.x = inner,
                                           .stack = stack_weight(g, "down", stacks.down, expert_rows(c.hidden, 1)),
                                           .list = list,
                                           .outputs = c.hidden,
                                           .by_pair = true});
  g.keep(
      expert_combine(g, {.outputs = outputs, .weights = weights, .list = list, .residual = tx, .residual_scale = 0.5}),
      "y");
  if (g.error()) FAIL(g.error()->message);
  problem.expected = expected_of(stacks, c, x, weights_of(c));
  return problem;
}

// y[r] = sum of weights[r, e] stack_e x, of `used` routed experts a row; a stack of q4_0 of (hidden, hidden) each.
// Random bits are its weights, because to quantise many takes longer than all else.
Problem one_product(const Case& c) {
  Matrix stack{DType::q4_0, c.experts * c.hidden, c.hidden, {}, {}};
  stack.bytes.resize(row_bytes(stack.type, uint64_t(c.hidden)) * uint64_t(stack.rows));
  std::mt19937_64 random(1);
  for (size_t i = 0; i < stack.bytes.size(); i += 18) {  // a block: a scale in f16, 32 weights of 4 bits
    const uint64_t words[] = {random(), random()};
    const uint16_t scale = uint16_t(0x2400 + i % 1024);  // 1/64 to 1/32
    std::memcpy(&stack.bytes[i], &scale, 2);
    std::memcpy(&stack.bytes[i + 2], words, 16);
  }
  Problem problem;
  Graph& g = problem.graph;
  const std::vector<float> x = random_floats(size_t(c.rows * c.hidden), 1);
  const Tensor tx = g.input("x", DType::f32, {c.rows, c.hidden});
  const Tensor weights = routing(g, c);
  const Tensor list = sort_rows(g, weights, 1, c.used);
  const Tensor outputs = expert_matmul(
      g, {.x = tx, .stack = stack_weight(g, "stack", stack, c.hidden), .list = list, .outputs = c.hidden});
  g.keep(expert_combine(g, {.outputs = outputs, .weights = weights, .list = list}), "y");
  if (g.error()) FAIL(g.error()->message);

  const std::vector<float> w = weights_of(c);
  std::vector<double> y(x.size(), 0.0);
  for (int64_t e = 0; e < c.experts; ++e) {
    const Share share = share_of(e, c, x, w);
    if (share.rows.empty()) continue;
    add_share(y, share, product(share.x, some_rows(stack, e * c.hidden, c.hidden), 0, c.hidden));
  }
  problem.expected.assign(y.begin(), y.end());
  problem.data.floats = {{"x", x}, {"given", given_of(c)}};
  problem.data.bytes["stack"] = std::move(stack.bytes);
  return problem;
}

struct Check {
  const char* choice = "";
  double tolerance = 1e-7;
  int runs = 2;  // of which each gives the same bits
};

void check(Device& device, const Problem& problem, const Check& how) {
  INFO("choice " << how.choice);
  KernelLibrary own;
  KernelLibrary& kernels = &device == test_device() ? test_kernels() : own;
  auto rig = Rig::create(device, kernels, problem.graph, problem.data, {.choice = how.choice});
  if (!rig) FAIL(rig.error().message);
  std::vector<float> first;
  for (int run = 0; run < how.runs; ++run) {
    REQUIRE(rig->run().ok());
    const auto outcome = rig->read();
    if (!outcome) FAIL(outcome.error().message);
    const std::vector<float>& y = outcome->floats.at("y");
    if (run == 0) first = y;
    CHECK(nmse(y, problem.expected) < how.tolerance);
    CHECK(y == first);
  }
}

std::string text_of(const Stacks& stacks, const Case& c) {
  return join(name(stacks.down.type), " experts ", c.experts, " used ", c.used, " rows ", c.rows, " of ", c.hidden,
              " and ", c.inner);
}

void check_every_choice(Device& device, const Stacks& stacks, const Case& c) {
  const Problem problem = experts(stacks, c);
  for (const char* choice : {"", "plain"}) {
    INFO(text_of(stacks, c));
    check(device, problem, {.choice = choice});
  }
}

void check_every_choice(Device& device, DType type, const Case& c) { check_every_choice(device, Stacks(type, c), c); }

// The plain choice takes long: it runs once, and not where there are many pairs of experts and rows.
void check_wide(Device& device, const Stacks& stacks, const Case& c) {
  const Problem problem = experts(stacks, c);
  INFO(text_of(stacks, c));
  check(device, problem, {});
  if (c.rows * c.used <= 129) check(device, problem, {.choice = "plain", .runs = 1});
}

}  // namespace

TEST_CASE("experts of every weight type equal a dense reference", "[experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (DType type : kWeightTypes) {
    const bool wide = layout(type).block > 32, blocks = layout(type).block > 1;
    const int64_t hidden = wide ? 256 : blocks ? 96 : 44, inner = wide ? 512 : blocks ? 64 : 70;
    check_every_choice(*device, type, {.experts = 5, .used = 2, .rows = 1, .hidden = hidden, .inner = inner});
    check_every_choice(*device, type, {.experts = 5, .used = 2, .rows = 23, .hidden = hidden, .inner = inner});
  }
}

TEST_CASE("experts take every number of rows", "[experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (int64_t experts : {4, 8}) {
    Case c{.experts = experts, .hidden = 512, .inner = 256, .routed = true};
    const Stacks stacks(DType::q4_0, c);
    for (c.used = 1; c.used <= 4; c.used *= 2) {
      for (int64_t rows : {1, 4, 5, 17, 32, 129}) {
        c.rows = rows;
        check_wide(*device, stacks, c);
      }
    }
  }
  const Case all{.experts = 16, .used = 16, .rows = 50, .hidden = 512, .inner = 256, .routed = true};
  check_wide(*device, Stacks(DType::q4_0, all), all);
  check_every_choice(*device, DType::f16, {.experts = 16, .used = 16, .rows = 50, .hidden = 64, .inner = 32});
  check_every_choice(*device, DType::q8_0, {.experts = 300, .used = 3, .rows = 40, .hidden = 32, .inner = 32});
}

TEST_CASE("experts take any routing", "[experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const auto with_all = [&](DType type, const Case& base, auto check) {
    const Stacks stacks(type, base);
    const auto with = [&](auto weight) {
      Case c = base;
      c.weight = weight;
      check(*device, stacks, c);
    };
    with([](int64_t, int64_t) { return 0.0f; });                                       // nobody
    with([](int64_t row, int64_t e) { return row % 2 == 0 && e < 2 ? 0.5f : 0.0f; });  // rows of zeros in between
    with([](int64_t, int64_t e) { return e == 3 ? 1.0f : 0.0f; });  // one expert takes all, the others none
    with([](int64_t row, int64_t e) { return e == 3 ? 0.5f : e == row % 3 ? 0.25f : 0.0f; });  // ... beside others
    with([](int64_t, int64_t) { return 0.125f; });                                             // all take all
    with([](int64_t row, int64_t e) { return row == 20 && e == 5 ? -2.0f : 0.0f; });           // one pair
    Case unlikely = base;  // route itself leaves rows to nobody
    unlikely.routed = true, unlikely.least = 0.4;
    const std::vector<float> weights = weights_of(unlikely);
    int64_t rows_of_none = 0;
    for (auto row = weights.begin(); row != weights.end(); row += base.experts)
      rows_of_none += std::count(row, row + base.experts, 0.0f) == base.experts;
    REQUIRE(rows_of_none > 0);
    REQUIRE(rows_of_none < base.rows);
    check(*device, stacks, unlikely);
  };
  with_all(DType::f32, {.experts = 6, .rows = 21, .hidden = 44, .inner = 40},
           [](Device& on, const Stacks& stacks, const Case& c) { check_every_choice(on, stacks, c); });
  with_all(DType::q4_0, {.experts = 6, .rows = 33, .hidden = 512, .inner = 256}, check_wide);
}

TEST_CASE("experts take rows that share their routing", "[experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  check_every_choice(*device, DType::f32,
                     {.experts = 6, .used = 6, .rows = 17, .hidden = 96, .inner = 128, .share = 17});
  check_every_choice(*device, DType::q4_1,
                     {.experts = 6, .used = 2, .rows = 42, .hidden = 96, .inner = 128, .share = 14});
}

// 32 rows of 32,768 columns of f32 are 4 MiB, a page 1,024 rows: 8 experts of 2 * 64 rows, or not one of 2 * 544.
TEST_CASE("experts span pages", "[experts]") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Options options = device_options();
  options.hide = "max_storage_range=134217728";
  auto device = open_device(options);
  if (!device) FAIL(device.error().message);
  const Case whole{.experts = 9, .used = 3, .rows = 7, .hidden = 32768, .inner = 50};
  check(*device, experts(Stacks(DType::f32, whole), whole), {.tolerance = 1e-6, .runs = 1});
  const Case split{.experts = 2, .used = 2, .rows = 3, .hidden = 32768, .inner = 530};
  const Problem parts = experts(Stacks(DType::f32, split), split);
  check(*device, parts, {.tolerance = 1e-6, .runs = 1});
  check(*device, parts, {.choice = "plain", .tolerance = 1e-6, .runs = 1});
}

// The stack has 142 MiB, more than the smallest storage range that a device may have.
TEST_CASE("experts of one ungated product of 2880 x 2880", "[experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const Problem problem = one_product({.experts = 32, .used = 2, .rows = 32, .hidden = 2880, .routed = true});
  check(*device, problem, {});
  check(*device, problem, {.choice = "plain", .runs = 1});
}

TEST_CASE("expert_matmul refuses what does not fit", "[experts]") {
  const auto message = [](int64_t rows, int64_t block, int64_t x_rows) {
    Graph g;
    const Tensor list = sort_rows(g, g.input("w", DType::f32, {3, 4}), 1, 2);
    expert_matmul(g, {.x = g.input("x", DType::f32, {x_rows, 32}),
                      .stack = g.weight("s", DType::q4_0, {rows, 32}, {"s", 0, rows, block}),
                      .list = list,
                      .outputs = 40});
    return error_of(g);
  };
  CHECK(message(4 * 64, 64, 3) == "");
  CHECK(message(4 * 64, 32, 3) ==
        "[expert_matmul] the stack must be a storage of its own whose blocks are the experts.");
  CHECK(message(3 * 64, 64, 3) == "[expert_matmul] the stack has 192 rows, expected 4 experts of 64.");
  CHECK(message(4 * 64, 64, 5) == "[expert_matmul] x has 5 rows, the list is of 3.");
  Graph many;
  const Tensor list = sort_rows(many, many.input("w", DType::f32, {3, 4}), 1, 2);
  for (int i = 0; i < 5; ++i)
    expert_matmul(many, {.x = many.input("x", DType::f32, {3, 32}),
                         .stack = many.weight("s", DType::q4_0, {256, 32}, {"s", 0, 256, 64}),
                         .list = list,
                         .outputs = 40});
  CHECK(error_of(many) == "[expert_matmul] a list serves at most 4 products.");
  Graph g;
  sort_rows(g, g.input("w", DType::f32, {3, 4}), 1, 5);
  CHECK(error_of(g) == "[sort_rows] a row may choose 1 to 4 experts, 5 were given.");
}

}  // namespace lorikeet::test
