// Products against double precision: every weight type, edge shapes, every choice that the device has.
#include <algorithm>
#include <cmath>
#include <functional>

#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/ops.h"
#include "shaders/embedded.h"
#include "tests/ops/matrix.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"

namespace lorikeet::test {
namespace {

struct Case {
  int64_t n = 1, k = 32, tokens = 1;
  bool bias = false, residual = false, norm = false, gated = false;  // gated: n gate rows, then n up rows
};

// One product with its data and the values expected of it.
struct Problem {
  Graph graph;
  Data data;
  std::vector<float> expected;

  Problem(DType type, const Case& c, uint64_t seed = 1) {
    const int64_t stored = c.gated ? padded_rows(c.n) + c.n : c.n;
    const Matrix matrix = random_matrix(type, stored, c.k, seed);
    add(c, matrix, random_floats(size_t(c.tokens * c.k), seed + 1));
  }
  Problem(const Case& c, const Matrix& matrix, const std::vector<float>& x) { add(c, matrix, x); }

 private:
  void add(const Case& c, const Matrix& matrix, const std::vector<float>& x) {
    FusedMatmul parts;
    parts.x = graph.input("x", DType::f32, {c.tokens, c.k});
    parts.weight = graph.weight("w", matrix.type, {matrix.rows, c.k}, {"w", 0, matrix.rows});
    data.floats["x"] = x;
    data.bytes["w"] = matrix.bytes;
    const auto optional = [&](bool wanted, const char* name, int64_t size, Tensor* tensor) {
      if (!wanted) return;
      *tensor = name[0] == 'r' ? graph.input(name, DType::f32, {c.tokens, c.n})
                               : graph.weight(name, DType::f32, {size}, {name, 0, size});
      data.floats[name] = random_floats(size_t(size), 77, 0.5f, 1.5f);
    };
    optional(c.bias, "bias", c.n, &parts.bias);
    optional(c.norm, "norm", c.k, &parts.norm_weight);
    optional(c.residual, "residual", c.tokens * c.n, &parts.residual);
    parts.norm_eps = 1e-5;
    parts.gated_rows = c.gated ? c.n : 0;
    graph.keep(fused_matmul(graph, parts), "y");
    if (graph.error()) FAIL(graph.error()->message);
    expect(c, matrix);
  }

  void expect(const Case& c, const Matrix& matrix) {
    std::vector<double> u(data.floats["x"].begin(), data.floats["x"].end());
    for (int64_t t = 0; c.norm && t < c.tokens; ++t) {
      double* row = u.data() + t * c.k;
      double square = 0;
      for (int64_t i = 0; i < c.k; ++i) square += row[i] * row[i];
      for (int64_t i = 0; i < c.k; ++i)
        row[i] *= data.floats["norm"][size_t(i)] / std::sqrt(square / double(c.k) + 1e-5);
    }
    std::vector<double> y = product(u, matrix, 0, c.n);
    if (c.gated) {
      const std::vector<double> up = product(u, matrix, padded_rows(c.n), c.n);
      for (size_t i = 0; i < y.size(); ++i) y[i] = y[i] / (1 + std::exp(-y[i])) * up[i];
    }
    for (size_t i = 0; i < y.size(); ++i) {
      if (c.bias) y[i] += data.floats["bias"][i % size_t(c.n)];
      if (c.residual) y[i] += data.floats["residual"][i];
      expected.push_back(float(y[i]));
    }
  }
};

Choices choices_of(Device& device, const Graph& graph) {
  Choices choices;
  const Node& node = graph.nodes().back();
  node.op->lower(graph, node, device.profile(), choices);
  return choices;
}

std::vector<float> run(Device& device, Problem& problem, const std::string& choice) {
  auto outcome = run_graph(device, problem.graph, problem.data, {.choice = choice});
  if (!outcome) FAIL(outcome.error().message);
  return outcome->floats["y"];
}

void check_every_choice(Device& device, DType type, const Case& c) {
  Problem problem(type, c);
  for (const Choice& choice : choices_of(device, problem.graph)) {
    INFO(name(type) << " n " << c.n << " k " << c.k << " tokens " << c.tokens << " choice " << choice.name);
    CHECK(nmse(run(device, problem, choice.name), problem.expected) < choice.tolerance);
  }
}

}  // namespace

TEST_CASE("matmul of every weight type equals double precision", "[matmul]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (DType type : kWeightTypes) {
    const bool blocks = layout(type).block > 1;
    const int64_t k = std::max<int64_t>(layout(type).block, 32);
    check_every_choice(*device, type, {.n = 1, .k = blocks ? k : 1, .tokens = 1});
    check_every_choice(*device, type, {.n = 33, .k = blocks ? 3 * k : 172, .tokens = 1});
    check_every_choice(*device, type, {.n = 100, .k = 2 * k, .tokens = 1});
    check_every_choice(*device, type, {.n = 65, .k = blocks ? k : 44, .tokens = 2});
    check_every_choice(*device, type, {.n = 31, .k = 3 * k, .tokens = 3});
    check_every_choice(*device, type, {.n = 129, .k = blocks ? k : 37, .tokens = 11});
    check_every_choice(*device, type, {.n = 20, .k = 2 * k, .tokens = 8, .gated = true});
    check_every_choice(*device, type, {.n = 70, .k = k, .tokens = 1, .gated = true});
    check_every_choice(*device, type, {.n = 101, .k = blocks ? 2 * k : 75, .tokens = 70});
    check_every_choice(*device, type, {.n = 35, .k = k, .tokens = 17, .gated = true});
  }
}

TEST_CASE("matmul adds bias and residual, norms and gates", "[matmul]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (int64_t tokens : {1, 4, 9, 19}) {
    for (DType type : {DType::f32, DType::f16, DType::q4_1}) {
      const int64_t k = type == DType::q4_1 ? 96 : 172;
      check_every_choice(*device, type, {.n = 44, .k = k, .tokens = tokens, .bias = true});
      check_every_choice(*device, type, {.n = 44, .k = k, .tokens = tokens, .residual = true});
      check_every_choice(*device, type, {.n = 44, .k = k, .tokens = tokens, .norm = true});
      check_every_choice(*device, type,
                         {.n = 44, .k = k, .tokens = tokens, .bias = true, .residual = true, .norm = true});
      check_every_choice(*device, type, {.n = 44, .k = k, .tokens = tokens, .norm = true, .gated = true});
    }
  }
}

// Choices that round x scale it first, so that nothing overflows or vanishes; a row of zeros has no scale.
TEST_CASE("matmul takes large, small and zero x", "[matmul]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (DType type : {DType::f16, DType::q8_0, DType::q4_k, DType::q6_k}) {
    for (int64_t tokens : {1, 3, 18}) {
      const Case c{.n = 40, .k = 256, .tokens = tokens};
      const Matrix matrix = random_matrix(type, c.n, c.k, 8);
      for (float size : {1e6f, 1e-20f}) {
        std::vector<float> x = random_floats(size_t(tokens * c.k), 9, -size, size);
        if (tokens > 1) std::fill_n(x.begin(), c.k, 0.0f);
        Problem problem(c, matrix, x);
        for (const Choice& choice : choices_of(*device, problem.graph)) {
          INFO(name(type) << " tokens " << tokens << " x of " << size << " choice " << choice.name);
          CHECK(nmse(run(*device, problem, choice.name), problem.expected) < choice.tolerance);
        }
      }
    }
  }
}

// Subnormal halves, as values and as the scales of blocks: some drivers flush them where they are unpacked.
TEST_CASE("matmul keeps subnormal halves", "[matmul]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (DType type : {DType::f16, DType::q4_1, DType::q4_k}) {
    for (int64_t tokens : {1, 5}) {
      const Case c{.n = 40, .k = 256, .tokens = tokens};
      Matrix matrix = random_matrix(type, c.n, c.k, 8);
      std::vector<float> small = matrix.values;
      for (float& value : small) value *= 5e-5f;
      REQUIRE(quantise(type, small, matrix.bytes).ok());
      REQUIRE(dequantise(type, matrix.bytes, matrix.values).ok());
      Problem problem(c, matrix, random_floats(size_t(tokens * c.k), 9, 1000, 2000));
      for (const Choice& choice : choices_of(*device, problem.graph)) {
        INFO(name(type) << " tokens " << tokens << " choice " << choice.name);
        CHECK(nmse(run(*device, problem, choice.name), problem.expected) < choice.tolerance);
      }
    }
  }
}

TEST_CASE("matmul choices with a pinned order give the same bits for one row and for many", "[matmul]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (DType type : {DType::f16, DType::q8_0, DType::q4_1, DType::q6_k}) {
    const Case many{.n = 70, .k = 512, .tokens = 9, .norm = true};
    const Matrix matrix = random_matrix(type, many.n, many.k, 5);
    const std::vector<float> x = random_floats(size_t(many.tokens * many.k), 6);
    Problem whole(many, matrix, x);
    const std::vector<float> reference = run(*device, whole, "plain");
    for (int64_t tokens : {1, 2, 3, 9}) {
      Case some = many;
      some.tokens = tokens;
      Problem part(some, matrix, {x.begin(), x.begin() + tokens * many.k});
      const std::vector<float> expected(reference.begin(), reference.begin() + tokens * many.n);
      for (const Choice& choice : choices_of(*device, part.graph)) {
        if (!choice.pinned_order) continue;
        INFO(name(type) << " tokens " << tokens << " choice " << choice.name);
        CHECK(run(*device, part, choice.name) == expected);
      }
    }
  }
}

// Some drivers end an invocation's loops after 65,535 turns without a word.
TEST_CASE("matmul adds up very long rows to their end", "[matmul]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (int64_t k : {300'000, 900'000}) {
    Matrix matrix{DType::q4_1, 1, k, {}, {}};
    for (int64_t block = 0; block < k / 32; ++block) {
      const uint16_t scale = 0x2c00, minimum = 0xb000;  // 1/16, -1/8
      for (uint16_t half : {scale, minimum})
        matrix.bytes.insert(matrix.bytes.end(), {std::byte(half & 255), std::byte(half >> 8)});
      for (int i = 0; i < 16; ++i) matrix.bytes.push_back(std::byte(uint8_t(block * 7 + i * 29)));
    }
    matrix.values.resize(size_t(k));
    REQUIRE(dequantise(matrix.type, matrix.bytes, matrix.values).ok());
    // Only the last block counts for much: a loop that ends early shows.
    std::vector<float> x(size_t(k), 1e-6f);
    for (size_t i = x.size() - 32; i < x.size(); ++i) x[i] = 100;
    Problem problem({.n = 1, .k = k, .tokens = 1}, matrix, x);
    for (const Choice& choice : choices_of(*device, problem.graph)) {
      INFO("k " << k << " choice " << choice.name);
      CHECK(nmse(run(*device, problem, choice.name), problem.expected) < choice.tolerance);
    }
  }
}

TEST_CASE("matmul reads weights that span pages", "[matmul]") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Options options = device_options();
  options.hide = "max_storage_range=134217728";
  auto device = open_device(options);
  if (!device) FAIL(device.error().message);
  // 32 rows of f32 are 4 MiB, a page 1,024 rows; the up rows cross its end. Of f16 a page holds twice as many.
  const int64_t k = 32768;
  for (DType type : {DType::f32, DType::f16}) {
    const bool wide = type == DType::f32;
    const int64_t rows = wide ? 560 : 1060;
    Matrix matrix{type, padded_rows(rows) + rows, k, {}, {}};
    matrix.values.assign(size_t(matrix.rows * k), 0);
    for (int64_t r = 0; r < matrix.rows; ++r)
      for (int64_t i = 0; i < 16; ++i)
        matrix.values[size_t(r * k + (r * 131 + i * 2047) % k)] = float((r * 17 + i * 5) % 23) - 11;
    matrix.bytes.resize(row_bytes(type, uint64_t(k)) * uint64_t(matrix.rows));
    REQUIRE(quantise(type, matrix.values, matrix.bytes).ok());
    const int64_t tokens = wide ? 1 : 17;
    const std::vector<float> x = random_floats(size_t(tokens * k), 3, -0.1f, 0.1f);
    for (bool gated : {false, true}) {
      Problem problem({.n = gated ? rows : matrix.rows, .k = k, .tokens = tokens, .gated = gated}, matrix, x);
      for (const Choice& choice : choices_of(*device, problem.graph)) {
        if (!wide && choice.pinned_order) continue;  // slow, and the same as for f32
        INFO("tokens " << tokens << " gated " << gated << " choice " << choice.name);
        CHECK(nmse(run(*device, problem, choice.name), problem.expected) < choice.tolerance);
      }
    }
  }
}

TEST_CASE("matmul offers what a device can do, exact choices first", "[matmul]") {
  const auto offered = [](const DeviceProfile& profile) {
    Graph g;
    matmul(g, g.input("x", DType::f32, {24, 64}), g.weight("w", DType::q4_1, {64, 64}, {"w", 0, 64}));
    Choices choices;
    g.nodes().back().op->lower(g, g.nodes().back(), profile, choices);
    std::vector<std::string> names;
    for (const Choice& choice : choices) names.push_back(choice.name);
    return names;
  };
  using Names = std::vector<std::string>;
  CHECK(offered(DeviceProfile{}) == Names{"tile", "plain"});
  DeviceProfile rich{.kind = DeviceKind::discrete, .max_shared_bytes = 49152, .max_workgroup_lanes = 1024};
  rich.subgroup_size = rich.min_subgroup_size = rich.max_subgroup_size = 32;
  rich.subgroup_arithmetic = rich.storage_16 = rich.float16 = rich.integer_dot = true;
  rich.cooperative_matrix = {16, 16, 16};
  Names expected{"tile"};  // what the shader compiler could not express is not there
  if (!embedded_shader("matmul_coop/q4_1").empty()) expected.push_back("coop");
  if (!embedded_shader("matmul_dot/q4_1").empty()) expected.push_back("dot");
  expected.insert(expected.end(), {"half", "plain"});
  CHECK(offered(rich) == expected);
}

TEST_CASE("matmul refuses what does not fit", "[matmul]") {
  const auto message = [](const std::function<void(Graph&)>& build) {
    Graph g;
    build(g);
    return g.error() ? g.error()->message : std::string();
  };
  const auto weight = [](Graph& g, DType type, int64_t n, int64_t k) {
    return g.weight("w", type, {n, k}, {"w", 0, n});
  };
  CHECK(message([&](Graph& g) {
          matmul(g, g.input("x", DType::f32, {2, 64}), weight(g, DType::q4_1, 8, 32));
        }) == "[matmul] weight has 32 columns, the last axis of x has 64.");
  CHECK(message([&](Graph& g) {
          matmul(g, g.input("x", DType::f32, {2, 32}), weight(g, DType::u32, 8, 32));
        }) == "[matmul] weight is u32, which is not a weight type.");
  CHECK(message([&](Graph& g) {
          matmul(g, g.input("x", DType::f16, {2, 32}), weight(g, DType::q4_1, 8, 32));
        }) == "[matmul] x is f16, expected f32.");
  CHECK(message([&](Graph& g) {
          matmul(g, g.input("x", DType::f32, {2, 32}), weight(g, DType::q4_1, 8, 32),
                 g.weight("b", DType::f32, {9}, {"b", 0, 9}));
        }) == "[matmul] bias has 9 elements, expected 8.");
  CHECK(message([&](Graph& g) {
          fused_matmul(
              g, {.x = g.input("x", DType::f32, {2, 32}), .weight = weight(g, DType::q4_1, 8, 32), .gated_rows = 4});
        }) == "[matmul] weight has 8 rows, expected 36 for gate and up of 4.");
}

}  // namespace lorikeet::test
