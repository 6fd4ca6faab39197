#include "tests/ops/op_test.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

// Runs y = op(a, b) for element counts around the widths and the workgroup.
void check_pointwise(const std::function<Tensor(Graph&, Tensor, Tensor)>& op,
                     const std::function<double(double, double)>& formula) {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "pointwise");
  for (const Shape& shape : {Shape{1}, Shape{1, 4}, Shape{3, 5}, Shape{1, 1536}, Shape{7, 172}, Shape{130, 257}}) {
    Graph g;
    const Tensor a = g.input("a", DType::f32, shape), b = g.input("b", DType::f32, shape);
    g.keep(op(g, a, b), "y");
    const size_t count = size_t(shape.elements());
    const auto va = random_floats(count, 1, -4, 4), vb = random_floats(count, 2, -4, 4);
    std::vector<float> expected(count);
    for (size_t i = 0; i < count; ++i) expected[i] = float(formula(va[i], vb[i]));
    check_choices(*device, g, {.floats = {{"a", va}, {"b", vb}}}, expected);
  }
}

}  // namespace

TEST_CASE("add, mul and silu_mul follow their formulas", "[ops]") {
  check_pointwise([](Graph& g, Tensor a, Tensor b) { return add(g, a, b); }, [](double a, double b) { return a + b; });
  check_pointwise([](Graph& g, Tensor a, Tensor b) { return mul(g, a, b); }, [](double a, double b) { return a * b; });
  check_pointwise([](Graph& g, Tensor a, Tensor b) { return silu_mul(g, a, b); },
                  [](double a, double b) { return a / (1 + std::exp(-a)) * b; });
}

TEST_CASE("gelu follows its formulas", "[ops]") {
  check_pointwise([](Graph& g, Tensor a, Tensor) { return gelu(g, a, Gelu::erf); },
                  [](double a, double) { return 0.5 * a * (1 + std::erf(a / std::sqrt(2.0))); });
  check_pointwise(
      [](Graph& g, Tensor a, Tensor) { return gelu(g, a, Gelu::tanh); },
      [](double a, double) { return 0.5 * a * (1 + std::tanh(std::sqrt(2 / M_PI) * (a + 0.044715 * a * a * a))); });
}

TEST_CASE("gelu's quick form is a gate of its own", "[ops]") {
  check_pointwise([](Graph& g, Tensor a, Tensor) { return gelu(g, a, Gelu::quick); },
                  [](double a, double) { return a / (1 + std::exp(-1.702 * a)); });
}

TEST_CASE("the gates stay finite far from zero", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gates");
  const std::vector<float> x = {-1e4f, -200, -90, 90, 200, 1e4f, 0, -0.0f}, ones(8, 1);
  const std::vector<float> expected = {0, 0, 0, 90, 200, 1e4f, 0, 0};
  for (int kind = 0; kind < 4; ++kind) {
    Graph g;
    const Tensor a = g.input("a", DType::f32, {8}), b = g.input("b", DType::f32, {8});
    g.keep(kind == 0 ? silu_mul(g, a, b) : gelu(g, a, Gelu(kind - 1)), "y");
    check_choices(*device, g, {.floats = {{"a", x}, {"b", ones}}}, expected, 1e-12);
  }
}

TEST_CASE("rounding to bf16 is to nearest, ties to even, step by step where asked", "[ops]") {
  const auto rounded = [](double value) { return double(bf16_to_f32(f32_to_bf16(float(value)))); };
  check_pointwise([](Graph& g, Tensor a, Tensor) { return round_bf16(g, a); },
                  [&](double a, double) { return rounded(a); });
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "rounding");
  const float tie = 1 + 0x1p-8f, odd_tie = 1 + 3 * 0x1p-8f, infinite = INFINITY, largest = 3e38f;
  const std::vector<float> x = {tie, -tie, odd_tie, infinite, -infinite, 0, 1.00390637f, largest},
                           expected = {1, -1, 1 + 0x1p-6f, infinite, -infinite, 0, 1 + 0x1p-7f, 3e38f};
  Graph g;
  g.keep(round_bf16(g, g.input("a", DType::f32, {8})), "y");
  for (const std::string& choice : choices_of_last_node(*device, g)) {
    const auto outcome = run_graph(*device, g, {.floats = {{"a", x}}}, {.choice = choice});
    REQUIRE(outcome);
    const std::vector<float>& got = outcome->floats.at("y");
    for (size_t i = 0; i < x.size(); ++i) {
      INFO(choice << " of " << x[i]);
      if (x[i] == largest) CHECK(std::abs(got[i] / largest - 1) < 0x1p-8f);
      else CHECK(got[i] == expected[i]);
    }
  }
  const auto silu = [&](double a, double b) { return rounded(rounded(a / rounded(1 + rounded(std::exp(-a)))) * b); };
  // An exponential that is rounded the other way is one step in some elements.
  const size_t count = 4096;
  std::vector<float> a = random_floats(count, 3, -6, 6), b = random_floats(count, 4, -2, 2);
  for (std::vector<float>* values : {&a, &b})
    for (float& value : *values) value = float(rounded(value));
  Graph gates;
  gates.keep(silu_mul_bf16(gates, gates.input("a", DType::f32, {64, 64}), gates.input("b", DType::f32, {64, 64})), "y");
  const auto outcome = run_graph(*device, gates, {.floats = {{"a", a}, {"b", b}}});
  REQUIRE(outcome);
  size_t different = 0;
  for (size_t i = 0; i < count; ++i) {
    const double wanted = silu(a[i], b[i]);
    different += double(outcome->floats.at("y")[i]) != wanted;
    if (!(std::abs(double(outcome->floats.at("y")[i]) - wanted) <= std::abs(wanted) * 0x1p-5))
      FAIL_CHECK(a[i] << " and " << b[i]);
  }
  CHECK(different < count / 100);
}

TEST_CASE("pointwise ops refuse unequal and missing inputs", "[ops]") {
  Graph g;
  add(g, g.input("a", DType::f32, {2, 3}), g.input("b", DType::f32, {3, 2}));
  CHECK(error_of(g) == "[add] a is (2, 3), b is (3, 2): they must be equal.");
  Graph h;
  silu_mul(h, h.input("a", DType::f32, {2}), {});
  CHECK(error_of(h) == "[silu_mul] up is missing.");
}
