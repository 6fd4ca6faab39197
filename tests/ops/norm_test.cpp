#include "tests/ops/op_test.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

const std::vector<Shape> kShapes = {{1, 1},  {1, 4},    {2, 3},    {1, 576}, {5, 172},
                                    {3, 44}, {33, 100}, {1, 4096}, {2, 4099}};

std::vector<float> rms_norm_formula(const std::vector<float>& x, const std::vector<float>& weight, double eps) {
  const size_t n = weight.size();
  std::vector<float> y(x.size());
  for (size_t row = 0; row < x.size() / n; ++row) {
    double squares = 0;
    for (size_t i = 0; i < n; ++i) squares += double(x[row * n + i]) * x[row * n + i];
    for (size_t i = 0; i < n; ++i)
      y[row * n + i] = float(x[row * n + i] / std::sqrt(squares / double(n) + eps) * weight[i]);
  }
  return y;
}

}  // namespace

TEST_CASE("rms_norm follows its formula", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "rms_norm");
  for (const Shape& shape : kShapes) {
    Graph g;
    const int64_t n = shape.columns();
    const Tensor x = g.input("x", DType::f32, shape), weight = g.weight("weight", DType::f32, {n}, {"weight", 0, n});
    g.keep(rms_norm(g, x, weight, 1e-5), "y");
    const auto vx = random_floats(size_t(shape.elements()), 3, -3, 5), vw = random_floats(size_t(n), 4);
    check_choices(*device, g, {.floats = {{"x", vx}, {"weight", vw}}}, rms_norm_formula(vx, vw, 1e-5), 1e-12);
  }
}

TEST_CASE("rms_norm reads a weight from the middle of its storage", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "rms_norm");
  for (const int64_t first : {4, 6}) {
    Graph g;
    const Tensor x = g.input("x", DType::f32, {2, 8}),
                 weight = g.weight("weight", DType::f32, {8}, {"storage", first, 20});
    g.keep(rms_norm(g, x, weight, 1e-6), "y");
    const auto vx = random_floats(16, 5), vw = random_floats(8, 6);
    check_choices(*device, g, {.floats = {{"x", vx}, {"weight", vw}}}, rms_norm_formula(vx, vw, 1e-6), 1e-12);
  }
}

TEST_CASE("layer_norm follows its formula", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "layer_norm");
  for (const Shape& shape : kShapes) {
    Graph g;
    const int64_t n = shape.columns();
    const Tensor x = g.input("x", DType::f32, shape), weight = g.weight("weight", DType::f32, {n}, {"weight", 0, n});
    g.keep(layer_norm(g, x, weight, g.weight("bias", DType::f32, {n}, {"bias", 0, n}), 1e-5), "y");
    const auto vx = random_floats(size_t(shape.elements()), 7, 90, 110), vw = random_floats(size_t(n), 8),
               vb = random_floats(size_t(n), 9);
    std::vector<float> expected(vx.size());
    for (int64_t row = 0; row < shape.rows(); ++row) {
      const float* in = vx.data() + row * n;
      double mean = 0, variance = 0;
      for (int64_t i = 0; i < n; ++i) mean += in[i] / double(n);
      for (int64_t i = 0; i < n; ++i) variance += (in[i] - mean) * (in[i] - mean) / double(n);
      for (int64_t i = 0; i < n; ++i)
        expected[size_t(row * n + i)] =
            float((in[i] - mean) / std::sqrt(variance + 1e-5) * vw[size_t(i)] + vb[size_t(i)]);
    }
    check_choices(*device, g, {.floats = {{"x", vx}, {"weight", vw}, {"bias", vb}}}, expected, 1e-10);
  }
}

TEST_CASE("norms refuse weights of another length", "[ops]") {
  Graph g;
  rms_norm(g, g.input("x", DType::f32, {2, 4}), g.weight("w", DType::f32, {3}, {"w", 0, 3}), 1e-5);
  CHECK(error_of(g) == "[rms_norm] weight has 3 elements, 4 are needed.");
}
