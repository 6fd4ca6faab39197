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

TEST_CASE("pointwise ops refuse unequal and missing inputs", "[ops]") {
  Graph g;
  add(g, g.input("a", DType::f32, {2, 3}), g.input("b", DType::f32, {3, 2}));
  CHECK(error_of(g) == "[add] a is (2, 3), b is (3, 2): they must be equal.");
  Graph h;
  silu_mul(h, h.input("a", DType::f32, {2}), {});
  CHECK(error_of(h) == "[silu_mul] up is missing.");
}
