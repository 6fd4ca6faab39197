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

namespace {

// attention and pooled of one query over the first `used` rows of its text.
void expect_pooled(const float* query, const float* text, size_t used, size_t columns, float* attention,
                   float* pooled) {
  std::vector<double> scores(used), made(columns);
  double sum = 0;
  for (size_t i = 0; i < used; ++i) {
    for (size_t c = 0; c < columns; ++c) scores[i] += double(query[c]) * text[i * columns + c];
    scores[i] = std::exp(scores[i] / std::sqrt(double(columns)));
    sum += scores[i];
  }
  for (size_t i = 0; i < used; ++i) {
    attention[i] = float(scores[i] / sum);
    for (size_t c = 0; c < columns; ++c) made[c] += scores[i] / sum * text[i * columns + c];
  }
  std::copy(made.begin(), made.end(), pooled);
}

}  // namespace

TEST_CASE("cross_attention pools the text that each query asks for", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "cross_attention");
  const size_t rows = 70;
  for (const size_t columns : {4, 96, 577}) {
    for (const std::vector<size_t>& used : {std::vector<size_t>{1}, {5}, {70}, {7, 0, 70, 1}}) {
      const size_t queries = used.size();
      ControlTable table;
      for (const size_t own : used)
        for (size_t i = 0; i < rows; ++i) {
          table.slots.push_back(i < own ? 0 : shader::kNoSlot);
          table.positions.push_back(uint32_t(i));
        }
      if (queries == 1) table.slots.resize(used[0]), table.positions.resize(used[0]);  // a table may end with them
      const std::vector<uint32_t> words = table.words();
      Graph g;
      const Tensor query = g.input("query", DType::f32, {int64_t(queries), int64_t(columns)}),
                   text = g.input("text", DType::f32, {int64_t(queries * rows), int64_t(columns)});
      const CrossAttention made = cross_attention(g, query, text, control_state(g, words));
      g.keep(made.attention, "attention");
      g.keep(made.pooled, "pooled");
      const auto q = random_floats(queries * columns, 5, -3, 3), t = random_floats(queries * rows * columns, 6, -2, 2);
      const auto outcome =
          run_graph(*device, g, {.floats = {{"query", q}, {"text", t}}, .words = {{"control", words}}});
      if (!outcome) FAIL(outcome.error().message);
      std::vector<float> attention(queries * rows), pooled(queries * columns);
      for (size_t i = 0; i < queries; ++i)
        expect_pooled(&q[i * columns], &t[i * rows * columns], used[i], columns, &attention[i * rows],
                      &pooled[i * columns]);
      INFO(columns << " columns, " << queries << " queries, the first with " << used[0] << " of " << rows << " rows");
      CHECK(nmse(outcome->floats.at("attention"), attention) < 1e-10);
      CHECK(nmse(outcome->floats.at("pooled"), pooled) < 1e-10);
    }
  }
  Graph g;
  const std::vector<uint32_t> words = ControlTable{.slots = {0, 0, 0}, .positions = {0, 1, 2}}.words();
  cross_attention(g, g.input("query", DType::f32, {2, 4}), g.input("text", DType::f32, {3, 4}),
                  control_state(g, words));
  CHECK(error_of(g) == "[cross_attention] text has 3 rows, expected as many for each of 2 queries.");
}
