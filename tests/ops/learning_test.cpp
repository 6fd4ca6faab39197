// The optimiser, dropout and what else learning needs, against their formulas.
#include "runtime/graph/gradient.h"
#include "runtime/ops/gradients.h"
#include "shaders/adamw.h"
#include "tests/ops/matrix.h"
#include "tests/ops/op_test.h"
#include "tests/support/gradient.h"

using namespace lorikeet;
using namespace lorikeet::test;

TEST_CASE("adamw and adam follow their formulas in place", "[ops][learning]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "adamw");
  constexpr size_t kCount = 300;
  const auto p = random_floats(kCount, 1), slope = random_floats(kCount, 2), m = random_floats(kCount, 3);
  const auto v = random_floats(kCount, 4, 0.1f, 1);
  for (const bool decoupled : {true, false}) {
    for (const double clip : {0.0, 1.5}) {
      Graph g;
      const auto state = [&](const char* name) { return g.state(name, DType::f32, {int64_t(kCount)}); };
      const Tensor gradient = g.input("gradient", DType::f32, {int64_t(kCount)});
      const Adamw a{.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-6, .decay = 0.1, .clip = clip, .decoupled = decoupled};
      adamw(g,
            {.parameter = state("p"),
             .gradient = gradient,
             .momentum = state("m"),
             .variance = state("v"),
             .step = g.input("step", DType::f32, {int64_t(shader::kStepFloats)}),
             .squares = sum_squares(g, gradient)},
            a);
      const double rate = 0.05, bias1 = 1 / (1 - std::pow(0.9, 3)), bias2 = 1 / std::sqrt(1 - std::pow(0.99, 3));
      const auto outcome = run_graph(*device, g,
                                     {.floats = {{"p", p},
                                                 {"m", m},
                                                 {"v", v},
                                                 {"gradient", slope},
                                                 {"step", {float(rate), float(bias1), float(bias2), 0.5f}}}});
      INFO((decoupled ? "adamw" : "adam") << ", clip " << clip << (outcome ? "" : outcome.error().message));
      REQUIRE(outcome);
      double squares = 0;
      for (const float d : slope) squares += double(d) * d * 0.25;
      const double by = 0.5 * (clip > 0 ? std::min(1.0, clip / (std::sqrt(squares) + 1e-6)) : 1);
      std::vector<float> ep(kCount), em(kCount), ev(kCount);
      for (size_t i = 0; i < kCount; ++i) {
        double weight = p[i], d = slope[i] * by;
        if (decoupled) weight *= 1 - rate * 0.1;
        else d += 0.1 * weight;
        const double mi = 0.9 * m[i] + 0.1 * d, vi = 0.99 * v[i] + 0.01 * d * d;
        em[i] = float(mi), ev[i] = float(vi);
        ep[i] = float(weight - rate * bias1 * mi / (std::sqrt(vi) * bias2 + 1e-6));
      }
      CHECK(nmse(outcome->floats.at("p"), ep) < 1e-10);
      CHECK(nmse(outcome->floats.at("m"), em) < 1e-10);
      CHECK(nmse(outcome->floats.at("v"), ev) < 1e-10);
    }
  }
}

TEST_CASE("sums of squares, accumulation", "[ops][learning]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sums");
  for (const size_t count : {size_t(1), size_t(4096), size_t(300000)}) {
    const auto x = random_floats(count, 1), before = random_floats(count, 2);
    for (const uint32_t fresh : {0u, 1u}) {
      Graph g;
      const Tensor t = g.input("x", DType::f32, {int64_t(count)});
      const Tensor sum = g.state("sum", DType::f32, {int64_t(count)});
      g.keep(sum_squares(g, t), "squares");
      accumulate(g, sum, t, g.input("fresh", DType::u32, {1}));
      const auto outcome =
          run_graph(*device, g, {.floats = {{"x", x}, {"sum", before}}, .words = {{"fresh", {fresh}}}});
      REQUIRE(outcome);
      double squares = 0;
      for (const float value : x) squares += double(value) * value;
      CHECK(outcome->floats.at("squares")[0] == Approx(squares).epsilon(1e-5));
      std::vector<float> expected = x;
      for (size_t i = 0; i < count && !fresh; ++i) expected[i] += before[i];
      CHECK(outcome->floats.at("sum") == expected);
    }
  }
}

TEST_CASE("dropout drops its share, the same in both directions", "[ops][learning]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "dropout");
  constexpr int64_t kCount = 20000;
  const auto run = [&](uint32_t pass, int64_t salt) {
    Graph g;
    const Tensor x = g.input("x", DType::f32, {kCount});
    const Tensor y = dropout(g, x, g.input("seed", DType::u32, {3}), 0.25, salt);
    const Tensor wanted[] = {x};
    const Tensors d = differentiate(g, y, wanted);
    g.keep(y, "y");
    g.keep(d[0], "dx");
    auto outcome =
        run_graph(*device, g, {.floats = {{"x", std::vector<float>(kCount, 1)}}, .words = {{"seed", {1, 2, pass}}}});
    REQUIRE(outcome);
    CHECK(outcome->floats.at("y") == outcome->floats.at("dx"));
    return outcome->floats.at("y");
  };
  const auto first = run(0, 0);
  const auto dropped = std::count(first.begin(), first.end(), 0.0f);
  CHECK(dropped > kCount / 4 - 300);
  CHECK(dropped < kCount / 4 + 300);
  CHECK(std::count(first.begin(), first.end(), 1.0f / 0.75f) == kCount - dropped);
  CHECK(run(0, 0) == first);
  CHECK(run(1, 0) != first);
  CHECK(run(0, 1) != first);
}

TEST_CASE("embeddings learn: the table and the visual rows", "[ops][gradient][learning]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "embed");
  ControlTable table{
      .slots = {0, 0, 0, 0, 0, shader::kNoSlot}, .positions = {0, 1, 2, 3, 4, 0}, .tokens = {3, 1, 3, 0, 2, 3}};
  std::vector<uint32_t> control = table.words();
  for (const uint32_t row : {3u, 4u}) control[control[3] + row * shader::kRowWords + 3] = shader::kRowVisual;
  for (const int64_t columns : {5, 200}) {
    const Data data{
        .floats = {{"table", random_floats(size_t(7 * columns), 1)}, {"visual", random_floats(size_t(4 * columns), 2)}},
        .words = {{"control", control}}};
    const BuildOp build = [&](Graph& g) {
      const Tensor t = g.state("table", DType::f32, {7, columns}), v = g.input("visual", DType::f32, {4, columns});
      return embed(g, t, control_state(g, control), 6, v);
    };
    Graph g;
    g.keep(build(g), "y");
    std::vector<float> expected(size_t(6 * columns), 0.0f);
    for (size_t row = 0; row < 5; ++row) {
      const auto& source = data.floats.at(row == 3 || row == 4 ? "visual" : "table");
      std::copy_n(source.begin() + int64_t(table.tokens[row]) * columns, columns,
                  expected.begin() + int64_t(row) * columns);
    }
    check_choices(*device, g, data, expected, 1e-12);
    CHECK(gradient_error(*device, build, data, {"table", "visual"}) < 1e-6);
  }
}

TEST_CASE("gradients of cross attention", "[ops][gradient][learning]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "cross attention");
  constexpr int64_t kRows = 9, kColumns = 40;
  for (const int64_t queries : {1, 3}) {
    // 7 of 9 rows are in use; of a second query's none, of a third's the last two as well.
    std::vector<uint32_t> slots(7, 0);
    if (queries == 3) {
      slots.resize(size_t(2 * kRows), shader::kNoSlot);
      slots.resize(size_t(3 * kRows), 0);
    }
    const std::vector<uint32_t> control = ControlTable{.slots = slots, .positions = {}, .tokens = {}}.words();
    const Data data{.floats = {{"query", random_floats(size_t(queries * kColumns), 1, -2, 2)},
                               {"text", random_floats(size_t(queries * kRows * kColumns), 2, -2, 2)}},
                    .words = {{"control", control}}};
    for (const int which : {0, 1, 2}) {
      const BuildOp build = [&](Graph& g) {
        const CrossAttention made =
            cross_attention(g, g.input("query", DType::f32, {queries, kColumns}),
                            g.input("text", DType::f32, {queries * kRows, kColumns}), control_state(g, control));
        if (which == 2) return gemm(g, {.a = made.attention, .b = made.pooled, .transpose_a = true});  // both at once
        return which == 0 ? made.pooled : made.attention;
      };
      CHECK(gradient_error(*device, build, data, {"query", "text"}) < 1e-5);
    }
  }
}
