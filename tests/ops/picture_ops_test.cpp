// The ops that only models that see have: patches, concat_rows, cross_attention.
#include "tests/ops/op_test.h"

using namespace lorikeet;
using namespace lorikeet::test;

TEST_CASE("patches cuts a picture as a convolution does", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "patches");
  struct {
    int64_t channels, height, width, size;
  } const cases[] = {{3, 28, 42, 14}, {1, 5, 5, 5}, {2, 4, 6, 1}, {3, 9, 3, 3}};
  for (const auto& c : cases) {
    Graph g;
    const Tensor pixels = g.input("pixels", DType::f32, {c.channels, c.height, c.width});
    g.keep(patches(g, pixels, c.size), "y");
    const auto values = random_floats(size_t(c.channels * c.height * c.width), 3);
    std::vector<float> expected;
    for (int64_t gy = 0; gy < c.height; gy += c.size)
      for (int64_t gx = 0; gx < c.width; gx += c.size)
        for (int64_t channel = 0; channel < c.channels; ++channel)
          for (int64_t y = gy; y < gy + c.size; ++y)
            for (int64_t x = gx; x < gx + c.size; ++x)
              expected.push_back(values[size_t((channel * c.height + y) * c.width + x)]);
    check_choices(*device, g, {.floats = {{"pixels", values}}}, expected, 1e-30);
  }
  Graph g;
  patches(g, g.input("pixels", DType::f32, {3, 20, 28}), 14);
  CHECK(error_of(g) == "[patches] a picture of 28 x 20 is not cut evenly into squares of 14.");
}

TEST_CASE("concat_rows puts rows after rows", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "concat_rows");
  for (const int64_t columns : {1, 44, 67}) {
    Graph g;
    const Tensor a = g.input("a", DType::f32, {2, columns}), b = g.input("b", DType::f32, {5, columns});
    g.keep(concat_rows(g, a, b), "y");
    const auto va = random_floats(size_t(2 * columns), 1), vb = random_floats(size_t(5 * columns), 2);
    std::vector<float> expected = va;
    expected.insert(expected.end(), vb.begin(), vb.end());
    check_choices(*device, g, {.floats = {{"a", va}, {"b", vb}}}, expected, 1e-30);
  }
  Graph g;
  concat_rows(g, g.input("a", DType::f32, {1, 3}), g.input("b", DType::f32, {1, 4}));
  CHECK(error_of(g) == "[concat_rows] the rows of a have 3 columns, those of b 4.");
}

TEST_CASE("cross_attention pools the text that the query asks for", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "cross_attention");
  for (const int64_t columns : {4, 96, 577}) {
    for (const size_t used : {1, 5, 70}) {
      const size_t rows = 70;
      ControlTable table{.slots = std::vector<uint32_t>(used), .positions = std::vector<uint32_t>(used)};
      const std::vector<uint32_t> words = table.words();
      Graph g;
      const Tensor query = g.input("query", DType::f32, {1, columns}),
                   text = g.input("text", DType::f32, {int64_t(rows), columns});
      const CrossAttention made = cross_attention(g, query, text, control_state(g, words));
      g.keep(made.attention, "attention");
      g.keep(made.pooled, "pooled");
      const auto q = random_floats(size_t(columns), 5, -3, 3), t = random_floats(rows * size_t(columns), 6, -2, 2);
      const auto outcome =
          run_graph(*device, g, {.floats = {{"query", q}, {"text", t}}, .words = {{"control", words}}});
      if (!outcome) FAIL(outcome.error().message);
      std::vector<double> scores(used);
      double sum = 0;
      for (size_t i = 0; i < used; ++i) {
        for (size_t c = 0; c < size_t(columns); ++c) scores[i] += double(q[c]) * t[i * size_t(columns) + c];
        scores[i] = std::exp(scores[i] / std::sqrt(double(columns)));
        sum += scores[i];
      }
      std::vector<float> attention(rows, 0.0f);
      std::vector<double> pooled(static_cast<size_t>(columns));
      for (size_t i = 0; i < used; ++i) {
        attention[i] = float(scores[i] / sum);
        for (size_t c = 0; c < size_t(columns); ++c) pooled[c] += scores[i] / sum * t[i * size_t(columns) + c];
      }
      INFO(columns << " columns, " << used << " of " << rows << " rows");
      CHECK(nmse(outcome->floats.at("attention"), attention) < 1e-10);
      CHECK(nmse(outcome->floats.at("pooled"), {pooled.begin(), pooled.end()}) < 1e-10);
    }
  }
}
