// Attention among the rows of a batch against its formula, and its gradients.
#include "tests/ops/op_test.h"
#include "tests/support/gradient.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

// Sequences one after the other; the last `padding` rows of each attend to the rows before them only.
std::vector<uint32_t> causal_spans(const std::vector<uint32_t>& lengths, uint32_t padding = 0) {
  std::vector<uint32_t> words;
  uint32_t first = 0;
  for (const uint32_t length : lengths) {
    const uint32_t keys_end = first + length - padding;
    for (uint32_t row = first; row < first + length; ++row)
      words.insert(words.end(), {first, std::min(row + 1, keys_end), row, first + length});
    first += length;
  }
  return words;
}

std::vector<float> formula(const Data& data, const SpanAttentionAttributes& a, size_t rows) {
  const auto &q = data.floats.at("q"), &k = data.floats.at("k"), &v = data.floats.at("v");
  const auto& spans = data.words.at("spans");
  const size_t heads = size_t(a.heads), kv_heads = size_t(a.kv_heads), dim = size_t(a.head_dim);
  std::vector<float> y(rows * heads * dim);
  for (size_t row = 0; row < rows; ++row)
    for (size_t head = 0; head < heads; ++head) {
      std::vector<double> weights;
      double total = 0;
      for (size_t key = spans[row * 4]; key < spans[row * 4 + 1]; ++key) {
        double score = 0;
        for (size_t d = 0; d < dim; ++d)
          score +=
              double(q[(row * heads + head) * dim + d]) * k[(key * kv_heads + head / (heads / kv_heads)) * dim + d];
        weights.push_back(std::exp(score * a.scale));
        total += weights.back();
      }
      for (size_t d = 0; d < dim; ++d) {
        double sum = 0;
        for (size_t i = 0; i < weights.size(); ++i)
          sum += weights[i] / total * v[((spans[row * 4] + i) * kv_heads + head / (heads / kv_heads)) * dim + d];
        y[(row * heads + head) * dim + d] = float(sum);
      }
    }
  return y;
}

void check(const SpanAttentionAttributes& a, const std::vector<uint32_t>& spans) {
  Device* device = test_device();
  const int64_t rows = int64_t(spans.size() / 4);
  const Data data{.floats = {{"q", random_floats(size_t(rows * a.heads * a.head_dim), 1, -2, 2)},
                             {"k", random_floats(size_t(rows * a.kv_heads * a.head_dim), 2, -2, 2)},
                             {"v", random_floats(size_t(rows * a.kv_heads * a.head_dim), 3)}},
                  .words = {{"spans", spans}}};
  const BuildOp build = [&](Graph& g) {
    const Tensor q = g.input("q", DType::f32, {rows, a.heads * a.head_dim});
    const Tensor k = g.input("k", DType::f32, {rows, a.kv_heads * a.head_dim});
    const Tensor v = g.input("v", DType::f32, {rows, a.kv_heads * a.head_dim});
    return span_attention(g, q, k, v, g.input("spans", DType::u32, {rows, 4}), a);
  };
  INFO(a.heads << " heads, " << a.kv_heads << " of keys, " << a.head_dim << " wide, " << rows << " rows");
  Graph g;
  g.keep(build(g), "y");
  check_choices(*device, g, data, formula(data, a, size_t(rows)), 1e-10);
  CHECK(gradient_error(*device, build, data, {"q", "k", "v"}) < 1e-6);
}

}  // namespace

TEST_CASE("span attention follows its formula and its gradients their differences", "[ops][gradient]") {
  if (!test_device()) LK_SKIP(no_device, "span attention");
  check({.heads = 1, .kv_heads = 1, .head_dim = 4, .scale = 0.5}, causal_spans({1}));
  check({.heads = 4, .kv_heads = 2, .head_dim = 16, .scale = 0.25}, causal_spans({3, 1, 20}));
  check({.heads = 9, .kv_heads = 3, .head_dim = 64, .scale = 0.125}, causal_spans({70, 30}));
  check({.heads = 2, .kv_heads = 2, .head_dim = 128, .scale = 0.1}, causal_spans({5, 12}, 3));
  // Everybody attends to everybody.
  std::vector<uint32_t> all;
  for (uint32_t row = 0; row < 19; ++row) all.insert(all.end(), {0, 19, 0, 19});
  check({.heads = 3, .kv_heads = 1, .head_dim = 20, .scale = 0.3}, all);
  // The rows of pictures: everybody attends to all of the same picture.
  std::vector<uint32_t> pictures;
  for (uint32_t row = 0; row < 3 * 17; ++row)
    pictures.insert(pictures.end(), {row / 17 * 17, row / 17 * 17 + 17, row / 17 * 17, row / 17 * 17 + 17});
  check({.heads = 4, .kv_heads = 4, .head_dim = 16, .scale = 0.25}, pictures);
  // A window of three positions.
  std::vector<uint32_t> window;
  for (uint32_t row = 0; row < 25; ++row)
    window.insert(window.end(), {row < 2 ? 0 : row - 2, row + 1, row, std::min(row + 3, 25u)});
  check({.heads = 2, .kv_heads = 1, .head_dim = 8, .scale = 0.3}, window);
}

TEST_CASE("span attention refuses what does not fit", "[ops]") {
  const auto message = [](const SpanAttentionAttributes& a, Shape q, Shape k, Shape spans) {
    Graph g;
    const Tensor kt = g.input("k", DType::f32, k);
    span_attention(g, g.input("q", DType::f32, q), kt, kt, g.input("spans", DType::u32, spans), a);
    return error_of(g);
  };
  CHECK(message({.heads = 3, .kv_heads = 2, .head_dim = 4}, {5, 12}, {5, 8}, {5, 4}) ==
        "[span_attention] 3 heads cannot share 2 heads of keys.");
  CHECK(message({.heads = 2, .kv_heads = 1, .head_dim = 6}, {5, 12}, {5, 6}, {5, 4}) ==
        "[span_attention] head_dim is 6, expected a multiple of 4 up to 256.");
  CHECK(message({.heads = 2, .kv_heads = 1, .head_dim = 4}, {5, 8}, {4, 4}, {5, 4}) ==
        "[span_attention] q is (5, 8) and k (4, 4), expected (rows, 8) and (rows, 4).");
  CHECK(message({.heads = 2, .kv_heads = 1, .head_dim = 4}, {5, 8}, {5, 4}, {5, 2}) ==
        "[span_attention] spans is (5, 2), expected (5, 4).");
}
