// The road of all mixtures of experts against a dense reference in double precision.
#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

#include "runtime/graph/packing.h"
#include "tests/ops/matrix.h"
#include "tests/ops/op_test.h"

namespace lorikeet::test {
namespace {

// A feed-forward network of experts: y[r] = sum of weights[r, e] down_e(silu(gate_e x) * up_e x) + 0.5 x.
struct Case {
  int64_t experts = 4, used = 2, rows = 5, hidden = 64, inner = 96;
  int64_t share = 1;                                      // rows that share their routing
  std::function<float(int64_t row, int64_t e)> weight{};  // empty: `used` random experts a row
};

struct Experts {
  Graph graph;
  Data data;
  std::vector<float> expected;
  double flops = 0;

  Experts(DType type, const Case& c, uint64_t seed = 1) : c_(c) {
    const std::vector<float> x = random_floats(size_t(c.rows * c.hidden), seed);
    const std::vector<float> weights = routing_weights(seed + 1);
    int64_t most = c.weight ? c.experts : c.used;
    const Matrix gate_up = stack(type, c.inner, true, c.hidden, seed + 2),
                 down = stack(type, c.hidden, false, c.inner, seed + 3);
    data.floats = {{"x", x}, {"weights", weights}};
    data.bytes = {{"gate_up", gate_up.bytes}, {"down", down.bytes}};
    const Tensor tx = graph.input("x", DType::f32, {c.rows, c.hidden});
    const Tensor tw = graph.input("weights", DType::f32, {c.rows / c.share, c.experts});
    const Tensor list = sort_rows(graph, tw, c.share, most);
    const Tensor inner = expert_matmul(graph, {.x = tx,
                                               .stack = weight("gate_up", gate_up, expert_rows(c.inner, 2)),
                                               .list = list,
                                               .outputs = c.inner,
                                               .gated = true});
    const Tensor outputs = expert_matmul(graph, {.x = inner,
                                                 .stack = weight("down", down, expert_rows(c.hidden, 1)),
                                                 .list = list,
                                                 .outputs = c.hidden,
                                                 .by_pair = true});
    graph.keep(
        expert_combine(graph, {.outputs = outputs, .weights = tw, .list = list, .residual = tx, .residual_scale = 0.5}),
        "y");
    if (graph.error()) FAIL(graph.error()->message);
    expect(x, weights, gate_up, down);
  }

 private:
  static int64_t expert_rows(int64_t outputs, int64_t parts) { return padded_rows(outputs) * parts; }

  std::vector<float> routing_weights(uint64_t seed) const {
    const int64_t rows = c_.rows / c_.share;
    std::vector<float> weights(size_t(rows * c_.experts), 0.0f);
    std::mt19937_64 random(seed);
    std::vector<int64_t> order(static_cast<size_t>(c_.experts));
    std::iota(order.begin(), order.end(), 0);
    for (int64_t r = 0; r < rows; ++r) {
      std::shuffle(order.begin(), order.end(), random);
      for (int64_t e = 0; c_.weight && e < c_.experts; ++e) weights[size_t(r * c_.experts + e)] = c_.weight(r, e);
      for (int64_t i = 0; !c_.weight && i < c_.used; ++i)
        weights[size_t(r * c_.experts + order[size_t(i)])] = 0.25f + float(random() % 100) / 100;
    }
    return weights;
  }

  // Rows of padding are zero, as they are when a model loads each expert to its place.
  static Matrix stack_rows(DType type, int64_t outputs, int64_t parts, int64_t columns, int64_t experts,
                           uint64_t seed) {
    const int64_t block = expert_rows(outputs, parts);
    Matrix m{type, experts * block, columns, {}, {}};
    m.values = random_floats(size_t(m.rows * columns), seed, -0.2f, 0.2f);
    for (int64_t r = 0; r < m.rows; ++r)
      if (r % padded_rows(outputs) >= outputs) std::fill_n(m.values.begin() + r * columns, columns, 0.0f);
    m.bytes.resize(row_bytes(type, uint64_t(columns)) * uint64_t(m.rows));
    REQUIRE(quantise(type, m.values, m.bytes).ok());
    REQUIRE(dequantise(type, m.bytes, m.values).ok());
    return m;
  }
  Matrix stack(DType type, int64_t outputs, bool gated, int64_t columns, uint64_t seed) const {
    return stack_rows(type, outputs, gated ? 2 : 1, columns, c_.experts, seed);
  }
  Tensor weight(const char* name, const Matrix& m, int64_t block) {
    return graph.weight(name, m.type, {m.rows, m.columns}, {name, 0, m.rows, block});
  }

  void expect(const std::vector<float>& x, const std::vector<float>& weights, const Matrix& gate_up,
              const Matrix& down) {
    for (int64_t r = 0; r < c_.rows; ++r) {
      const std::vector<double> row(x.begin() + r * c_.hidden, x.begin() + (r + 1) * c_.hidden);
      std::vector<double> y(row);
      for (double& value : y) value *= 0.5;
      for (int64_t e = 0; e < c_.experts; ++e) {
        const double w = weights[size_t(r / c_.share * c_.experts + e)];
        if (w == 0) continue;
        const int64_t block = expert_rows(c_.inner, 2);
        std::vector<double> inner = product(row, gate_up, e * block, c_.inner);
        const std::vector<double> up = product(row, gate_up, e * block + padded_rows(c_.inner), c_.inner);
        for (size_t i = 0; i < inner.size(); ++i) inner[i] = inner[i] / (1 + std::exp(-inner[i])) * up[i];
        const std::vector<double> out = product(inner, down, e * expert_rows(c_.hidden, 1), c_.hidden);
        for (size_t i = 0; i < y.size(); ++i) y[i] += w * out[i];
      }
      for (double value : y) expected.push_back(float(value));
    }
  }

  const Case c_;
};

void check(Device& device, Experts& problem, const std::string& choice, double tolerance) {
  const auto outcome = run_graph(device, problem.graph, problem.data, {.choice = choice});
  if (!outcome) FAIL(outcome.error().message);
  CHECK(nmse(outcome->floats.at("y"), problem.expected) < tolerance);
}

void check_every_choice(Device& device, DType type, const Case& c, double tolerance = 1e-7) {
  Experts problem(type, c);
  for (const char* choice : {"", "plain"}) {
    INFO(name(type) << " experts " << c.experts << " used " << c.used << " rows " << c.rows << " of " << c.hidden
                    << " and " << c.inner << " choice " << choice);
    const auto outcome = run_graph(device, problem.graph, problem.data, {.choice = choice});
    if (!outcome) FAIL(outcome.error().message);
    CHECK(nmse(outcome->floats.at("y"), problem.expected) < tolerance);
    const auto again = run_graph(device, problem.graph, problem.data, {.choice = choice});
    REQUIRE(again);
    CHECK(again->floats.at("y") == outcome->floats.at("y"));  // the same bits
  }
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
  for (int64_t experts : {4, 8})
    for (int64_t used : {1, 2, 4})
      for (int64_t rows : {1, 4, 5, 17, 32, 129})
        check_every_choice(*device, DType::q4_0,
                           {.experts = experts, .used = used, .rows = rows, .hidden = 64, .inner = 32});
  check_every_choice(*device, DType::f16, {.experts = 16, .used = 16, .rows = 50, .hidden = 64, .inner = 32});
  check_every_choice(*device, DType::q8_0, {.experts = 300, .used = 3, .rows = 40, .hidden = 32, .inner = 32});
}

TEST_CASE("experts take any routing", "[experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const Case base{.experts = 6, .rows = 21, .hidden = 44, .inner = 40};
  const auto with = [&](auto weight) {
    Case c = base;
    c.weight = weight;
    check_every_choice(*device, DType::f32, c);
  };
  with([](int64_t, int64_t) { return 0.0f; });                                       // nobody
  with([](int64_t row, int64_t e) { return row % 2 == 0 && e < 2 ? 0.5f : 0.0f; });  // rows of zeros in between
  with([](int64_t, int64_t e) { return e == 3 ? 1.0f : 0.0f; });  // one expert takes all, the others none
  with([](int64_t, int64_t) { return 0.125f; });                  // all take all
  with([](int64_t row, int64_t e) { return row == 20 && e == 5 ? -2.0f : 0.0f; });  // one pair
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
  Experts windows(DType::f32, {.experts = 9, .used = 3, .rows = 7, .hidden = 32768, .inner = 50});
  check(*device, windows, "", 1e-6);
  Experts parts(DType::f32, {.experts = 2, .used = 2, .rows = 3, .hidden = 32768, .inner = 530});
  check(*device, parts, "", 1e-6);
  check(*device, parts, "plain", 1e-6);
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
