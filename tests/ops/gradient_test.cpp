// The gradients of ops against finite differences, and differentiate itself.
#include "runtime/graph/gradient.h"
#include "runtime/ops/gradients.h"
#include "tests/ops/matrix.h"
#include "tests/ops/op_test.h"
#include "tests/support/gradient.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

constexpr double kTolerance = 1e-6;

Tensor input(Graph& g, const char* name, Shape shape) { return g.input(name, DType::f32, shape); }

}  // namespace

TEST_CASE("gradients of pointwise ops", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gradients");
  for (const Shape& shape : {Shape{3, 5}, Shape{8, 16}}) {
    const size_t n = size_t(shape.elements());
    const Data data{.floats = {{"a", random_floats(n, 1, -2, 2)}, {"b", random_floats(n, 2, -2, 2)}, {"f", {0.7f}}}};
    const auto both = [&](const std::function<Tensor(Graph&, Tensor, Tensor)>& op) {
      return gradient_error(*device, [&](Graph& g) { return op(g, input(g, "a", shape), input(g, "b", shape)); }, data,
                            {"a", "b"});
    };
    CHECK(both([](Graph& g, Tensor a, Tensor b) { return add(g, a, b); }) < kTolerance);
    CHECK(both([](Graph& g, Tensor a, Tensor b) { return mul(g, a, b); }) < kTolerance);
    CHECK(both([](Graph& g, Tensor a, Tensor b) { return silu_mul(g, a, b); }) < kTolerance);
    CHECK(both([](Graph& g, Tensor a, Tensor b) { return mul(g, add(g, a, b), a); }) < kTolerance);  // read twice
    CHECK(both([](Graph& g, Tensor a, Tensor b) { return concat_rows(g, a, b); }) < kTolerance);
    for (const Gelu kind : {Gelu::erf, Gelu::tanh, Gelu::quick})
      CHECK(gradient_error(*device, [&](Graph& g) { return gelu(g, input(g, "a", shape), kind); }, data, {"a"}) <
            kTolerance);
    CHECK(gradient_error(*device, [&](Graph& g) { return scale(g, input(g, "a", shape), -1.5, input(g, "f", {1})); },
                         data, {"a"}) < kTolerance);
  }
}

TEST_CASE("gradients go through aliases and sums of rows", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gradients");
  const Data data{.floats = {{"x", random_floats(64 * 70, 1)}, {"bias", random_floats(64, 2)}}};
  const auto check = [&](const BuildOp& op, const std::vector<std::string>& wanted) {
    CHECK(gradient_error(*device, op, data, wanted) < kTolerance);
  };
  check([](Graph& g) { return sum_rows(g, input(g, "x", {70, 64})); }, {"x"});
  check([](Graph& g) { return add_bias(g, input(g, "x", {70, 64}), input(g, "bias", {64})); }, {"x", "bias"});
  check([](Graph& g) { return take_rows(g, input(g, "x", {70, 64}), -3, 80); }, {"x"});
  check(
      [](Graph& g) {
        const Tensor x = input(g, "x", {70, 64});
        const Tensor square = mul(g, x, x);
        const Tensor some = g.rows(square, 4, 8), others = g.rows(g.reshape(square, {35, 128}), 0, 4);
        return mul(g, g.reshape(some, {4, 128}), others);
      },
      {"x"});
}

TEST_CASE("gradients of gathered rows add up, and of cut pictures come together", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gradients");
  const ControlTable table{.slots = std::vector<uint32_t>(8), .positions = std::vector<uint32_t>(8)};
  std::vector<uint32_t> control = table.words();
  const uint32_t wanted[] = {4, 1, 4, 4, 0, 77, 1, 2};  // one is no row of x, the last is not in use
  control[1] = 7;
  for (uint32_t i = 0; i < 8; ++i) control[control[4] + i] = wanted[i];
  for (const int64_t columns : {1, 67, 300}) {
    const auto dy = random_floats(size_t(8 * columns), 1);
    INFO(columns << " columns");
    CHECK(gradient_error(*device,
                         [&](Graph& g) {
                           return gather_rows(g, input(g, "x", {5, columns}), control_state(g, control), 8);
                         },
                         {.floats = {{"x", random_floats(size_t(5 * columns), 2)}}, .words = {{"control", control}}},
                         {"x"}) < kTolerance);
    std::vector<float> expected(size_t(5 * columns), 0);
    for (size_t i = 0; i < 7; ++i)
      for (size_t c = 0; c < size_t(columns) && wanted[i] < 5; ++c)
        expected[wanted[i] * size_t(columns) + c] += dy[i * size_t(columns) + c];
    Graph g;
    g.keep(gather_rows_grad(g, input(g, "dy", {8, columns}), control_state(g, control), 5), "y");
    check_choices(*device, g, {.floats = {{"dy", dy}}, .words = {{"control", control}}}, expected, 1e-12);
  }
  CHECK(gradient_error(*device,
                       [](Graph& g) {
                         return patches(g, input(g, "pixels", {3, 28, 42}), 14);
                       },
                       {.floats = {{"pixels", random_floats(3 * 28 * 42, 3)}}}, {"pixels"}) < kTolerance);
  Graph g;
  patches_grad(g, input(g, "dy", {4, 27}), {3, 6, 9}, 3);
  CHECK(error_of(g) == "[patches_grad] dy is (4, 27), expected (6, 27).");
}

TEST_CASE("gradients of products of plain matrices", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gradients");
  for (const auto& sizes : {std::array<int64_t, 3>{1, 1, 1}, {5, 3, 7}, {1, 24, 33}, {33, 70, 12}, {9, 130, 64}}) {
    const int64_t m = sizes[0], n = sizes[1], k = sizes[2];
    for (const int form : {0, 1, 2}) {
      const bool ta = form == 1, tb = form == 2;
      const Shape a = ta ? Shape{k, m} : Shape{m, k}, b = tb ? Shape{n, k} : Shape{k, n};
      const Data data{.floats = {{"a", random_floats(size_t(m * k), 1)},
                                 {"b", random_floats(size_t(n * k), 2)},
                                 {"c", random_floats(size_t(m * n), 3)}}};
      const BuildOp build = [&](Graph& g) {
        return gemm(g, {.a = input(g, "a", a),
                        .b = input(g, "b", b),
                        .addend = input(g, "c", {m, n}),
                        .transpose_a = ta,
                        .transpose_b = tb});
      };
      INFO(m << " x " << n << " x " << k << ", form " << form);
      CHECK(gradient_error(*device, build, data, {"a", "b", "c"}) < kTolerance);
      // Every choice against the formula.
      std::vector<float> expected(size_t(m * n));
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double sum = data.floats.at("c")[size_t(i * n + j)];
          for (int64_t l = 0; l < k; ++l)
            sum += double(data.floats.at("a")[size_t(ta ? l * m + i : i * k + l)]) *
                   data.floats.at("b")[size_t(tb ? j * k + l : l * n + j)];
          expected[size_t(i * n + j)] = float(sum);
        }
      Graph g;
      g.keep(build(g), "y");
      check_choices(*device, g, data, expected, 1e-10);
    }
  }
}

TEST_CASE("gradients of products read packed weights of every type as they are", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gradients");
  for (const DType type : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0, DType::q4_1, DType::q5_0,
                           DType::q5_1, DType::q4_k, DType::q5_k, DType::q6_k}) {
    const int64_t block = layout(type).block;
    for (const auto& [n, blocks, tokens] :
         {std::array<int64_t, 3>{1, 1, 1}, {37, 2, 5}, {70, 256 / block + 1, 4}, {33, 5, 9}}) {
      const int64_t k = blocks * block + (block == 1 ? 7 : 0);
      const Matrix matrix = random_matrix(type, n, k, 5);
      const auto dy = random_floats(size_t(tokens * n), 6);
      std::vector<float> expected(size_t(tokens * k));
      for (int64_t t = 0; t < tokens; ++t)
        for (int64_t c = 0; c < k; ++c) {
          double sum = 0;
          for (int64_t r = 0; r < n; ++r) sum += double(dy[size_t(t * n + r)]) * matrix.values[size_t(r * k + c)];
          expected[size_t(t * k + c)] = float(sum);
        }
      Graph g;
      g.keep(matmul_grad(g, input(g, "dy", {tokens, n}), g.weight("w", type, {n, k}, {"w", 0, n})), "y");
      INFO(name(type) << " " << n << " x " << k << ", " << tokens << " tokens");
      check_choices(*device, g, {.floats = {{"dy", dy}}, .bytes = {{"w", matrix.bytes}}}, expected, 1e-10);
    }
  }
}

TEST_CASE("gradients of a frozen product with bias and residual", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gradients");
  const Matrix matrix = random_matrix(DType::q8_0, 40, 64, 5);
  const Data data{
      .floats = {{"x", random_floats(5 * 64, 1)}, {"bias", random_floats(40, 2)}, {"residual", random_floats(200, 3)}},
      .bytes = {{"w", matrix.bytes}}};
  const BuildOp build = [&](Graph& g) {
    return fused_matmul(g, {.x = input(g, "x", {5, 64}),
                            .weight = g.weight("w", DType::q8_0, {40, 64}, {"w", 0, 40}),
                            .bias = input(g, "bias", {40}),
                            .residual = input(g, "residual", {5, 40})});
  };
  CHECK(gradient_error(*device, build, data, {"x", "bias", "residual"}) < kTolerance);
  const BuildOp trained = [&](Graph& g) {
    return matmul(g, input(g, "x", {5, 64}), input(g, "v", {3, 64}), input(g, "small bias", {3}));
  };
  Data more = data;
  more.floats["v"] = random_floats(3 * 64, 8);
  more.floats["small bias"] = random_floats(3, 9);
  CHECK(gradient_error(*device, trained, more, {"x", "v", "small bias"}) < kTolerance);
}

TEST_CASE("gradients of norms", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gradients");
  for (const int64_t columns : {7, 64, 300}) {
    const Data data{.floats = {{"x", random_floats(size_t(5 * columns), 1, -2, 2)},
                               {"w", random_floats(size_t(columns), 2, 0.5f, 1.5f)},
                               {"b", random_floats(size_t(columns), 3)}}};
    INFO(columns << " columns");
    CHECK(gradient_error(*device,
                         [&](Graph& g) {
                           return rms_norm(g, input(g, "x", {5, columns}), input(g, "w", {columns}), 1e-5);
                         },
                         data, {"x", "w"}) < kTolerance);
    CHECK(gradient_error(*device,
                         [&](Graph& g) {
                           return layer_norm(g, input(g, "x", {5, columns}), input(g, "w", {columns}),
                                             input(g, "b", {columns}), 1e-5);
                         },
                         data, {"x", "w", "b"}) < kTolerance);
  }
}

TEST_CASE("the gradient of rope is a turn back", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gradients");
  const ControlTable control{.slots = {0, 0, 0, 1}, .positions = {0, 1, 2, 700}, .tokens = {}, .slot_count = 2};
  Data data{.floats = {{"x", random_floats(4 * 3 * 8, 1)}, {"f", {1, 0.3f, 0.1f, 0.01f}}},
            .words = {{"control", control.words()}}};
  for (const bool interleaved : {false, true})
    CHECK(gradient_error(*device,
                         [&](Graph& g) {
                           return rope(g, input(g, "x", {4, 24}), input(g, "f", {4}), control_state(g, control.words()),
                                       {.heads = 3, .head_dim = 8, .interleaved = interleaved, .factor = 1.5});
                         },
                         data, {"x"}) < kTolerance);
}

TEST_CASE("what cannot be differentiated says so", "[ops][gradient]") {
  Graph g;
  const Tensor x = input(g, "x", {4, 4}), y = input(g, "y", {4, 4});
  const Tensor wanted[] = {y};
  differentiate(g, mul(g, x, x), wanted);
  CHECK(error_of(g) == "[differentiate] the loss does not depend on y.");

  Graph no_rule;
  const Tensor scores = input(no_rule, "scores", {4, 4});
  no_rule.label("router");
  const Tensor missing = fill(no_rule, 4, 1);
  const Tensor all[] = {scores, Tensor{}};
  differentiate(no_rule, missing, all);
  CHECK(error_of(no_rule) == "[differentiate] a wanted tensor is missing.");
}
