#include "tests/ops/op_test.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

struct Case {
  int64_t heads, kv_heads, head_dim;
  bool interleaved;
};
const std::vector<Case> kCases = {{9, 3, 64, false}, {9, 3, 64, true},   {2, 2, 2, false},
                                  {3, 1, 6, false},  {3, 1, 6, true},    {4, 2, 80, false},
                                  {1, 1, 128, true}, {2, 1, 256, false}, {5, 5, 40, false}};
const std::vector<uint32_t> kPositions = {0, 1, 31, 32, 127, 4095, 131071};

std::vector<float> frequencies(int64_t head_dim) {
  std::vector<float> values(size_t(head_dim / 2));
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(std::pow(10000.0, -2.0 * double(i) / double(head_dim)));
  return values;
}

// Rotates `heads` heads that begin at x, in place.
void rotate(float* x, int64_t heads, const Case& c, uint32_t position, double factor) {
  const auto f = frequencies(c.head_dim);
  for (int64_t head = 0; head < heads; ++head) {
    for (int64_t i = 0; i < c.head_dim / 2; ++i) {
      float& a = x[head * c.head_dim + (c.interleaved ? 2 * i : i)];
      float& b = x[head * c.head_dim + (c.interleaved ? 2 * i + 1 : i + c.head_dim / 2)];
      const double angle = double(position) * f[size_t(i)], cosine = std::cos(angle) * factor,
                   sine = std::sin(angle) * factor;
      const double old = a;
      a = float(old * cosine - b * sine);
      b = float(b * cosine + old * sine);
    }
  }
}

// Rows in four slots, one row is padding; the cache table is shuffled; slot 2 has stopped.
std::vector<uint32_t> control_words(uint32_t blocks_per_slot) {
  ControlTable table{
      .slots = {0, 1, 2, 3, 0, 1, 0}, .positions = kPositions, .slot_count = 4, .blocks_per_slot = blocks_per_slot};
  auto words = table.words();
  words[words[3] + 3 * shader::kRowWords] = shader::kNoSlot;
  words[words[5] + 2 * shader::kSlotWords + 1] = shader::kStoppedEos;
  std::reverse(words.begin() + words[6], words.end());
  return words;
}

std::vector<float> as_floats(const RunOutcome& outcome, const std::string& name, bool half) {
  if (!half) return outcome.floats.at(name);
  std::vector<float> values;
  for (uint32_t word : outcome.words.at(name)) {
    values.push_back(f16_to_f32(uint16_t(word)));
    values.push_back(f16_to_f32(uint16_t(word >> 16)));
  }
  return values;
}

}  // namespace

TEST_CASE("rope turns each head by its row's position", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "rope");
  for (const Case& c : kCases) {
    const auto control = control_words(4096);
    const int64_t rows = int64_t(kPositions.size()), columns = c.heads * c.head_dim;
    Graph g;
    const Tensor x = g.input("x", DType::f32, {rows, columns});
    const Tensor f = g.weight("f", DType::f32, {c.head_dim / 2}, {"f", 0, c.head_dim / 2});
    g.keep(rope(g, x, f, control_state(g, control), {c.heads, c.head_dim, c.interleaved, 1.25}), "y");
    auto expected = random_floats(size_t(rows * columns), 12);
    const Data data{.floats = {{"x", expected}, {"f", frequencies(c.head_dim)}}, .words = {{"control", control}}};
    for (int64_t row = 0; row < rows; ++row)
      rotate(expected.data() + row * columns, c.heads, c, kPositions[size_t(row)], 1.25);
    const auto outcome = run_graph(*device, g, data);
    INFO((outcome ? g.print() : outcome.error().message));
    REQUIRE(outcome);
    auto got = outcome->floats.at("y");
    std::copy_n(expected.begin() + 3 * columns, columns, got.begin() + 3 * columns);  // the padding row is not defined
    CHECK(nmse(got, expected) < 1e-11);
  }
}

TEST_CASE("rope_kv and kv_write fill the caches by the cache table", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "rope_kv");
  for (const Case& c : kCases)
    for (const DType type : {DType::f32, DType::f16}) {
      const auto control = control_words(4096);
      const int64_t rows = int64_t(kPositions.size()), all = (c.heads + 2 * c.kv_heads) * c.head_dim,
                    kv = c.kv_heads * c.head_dim;
      // Only the blocks that are written exist: name them 0 .. 5 in the table.
      auto table = control;
      const uint32_t slots[] = {0, 1, 2, 3, 0, 1, 0};
      for (uint32_t& block : std::span(table).subspan(table[6])) block = 7;
      const uint32_t blocks[] = {2, 5, 0, 0, 1, 4, 3};
      for (size_t r = 0; r < 7; ++r) table[table[6] + slots[r] * 4096 + kPositions[r] / 32] = blocks[r];
      const int64_t places = 6 * 32;

      const auto qkv = random_floats(size_t(rows * all), 13);
      std::vector<float> expected_q(size_t(rows * c.heads * c.head_dim)), expected_k(size_t(places * kv)),
          expected_v(size_t(places * kv));
      std::vector<float> part_k(size_t(rows * kv)), part_v(size_t(rows * kv));
      for (int64_t row = 0; row < rows; ++row) {
        std::vector<float> line(qkv.begin() + row * all, qkv.begin() + (row + 1) * all);
        rotate(line.data(), c.heads + c.kv_heads, c, kPositions[size_t(row)], 1);
        std::copy_n(line.begin(), c.heads * c.head_dim, expected_q.begin() + row * c.heads * c.head_dim);
        std::copy_n(line.begin() + c.heads * c.head_dim, kv, part_k.begin() + row * kv);
        std::copy_n(line.begin() + c.heads * c.head_dim + kv, kv, part_v.begin() + row * kv);
        if (row == 2 || row == 3) continue;  // stopped, padding
        const int64_t place = blocks[row] * 32 + kPositions[size_t(row)] % 32;
        std::copy_n(part_k.begin() + row * kv, kv, expected_k.begin() + place * kv);
        std::copy_n(part_v.begin() + row * kv, kv, expected_v.begin() + place * kv);
      }
      const double tolerance = type == DType::f16 ? 1e-6 : 1e-11;
      {
        Graph g;
        const Tensor x = g.input("qkv", DType::f32, {rows, all});
        const Tensor f = g.weight("f", DType::f32, {c.head_dim / 2}, {"f", 0, c.head_dim / 2});
        const Tensor k = g.state("k", type, {places, kv}), v = g.state("v", type, {places, kv});
        g.keep(rope_kv(g, x, f, k, v, control_state(g, table), {c.heads, c.kv_heads, c.head_dim, c.interleaved, 1}),
               "q");
        const auto outcome = run_graph(
            *device, g, {.floats = {{"qkv", qkv}, {"f", frequencies(c.head_dim)}}, .words = {{"control", table}}});
        INFO((outcome ? g.print() : outcome.error().message));
        REQUIRE(outcome);
        auto q = outcome->floats.at("q");
        std::copy_n(expected_q.begin() + 3 * c.heads * c.head_dim, c.heads * c.head_dim,
                    q.begin() + 3 * c.heads * c.head_dim);
        CHECK(nmse(q, expected_q) < 1e-11);
        CHECK(nmse(as_floats(*outcome, "k", type == DType::f16), expected_k) < tolerance);
        CHECK(nmse(as_floats(*outcome, "v", type == DType::f16), expected_v) < tolerance);
      }
      {
        Graph g;
        const Tensor k_in = g.input("k_in", DType::f32, {rows, kv}), v_in = g.input("v_in", DType::f32, {rows, kv});
        kv_write(g, k_in, v_in, g.state("k", type, {places, kv}), g.state("v", type, {places, kv}),
                 control_state(g, table));
        const auto outcome =
            run_graph(*device, g, {.floats = {{"k_in", part_k}, {"v_in", part_v}}, .words = {{"control", table}}});
        INFO((outcome ? g.print() : outcome.error().message));
        REQUIRE(outcome);
        CHECK(nmse(as_floats(*outcome, "k", type == DType::f16), expected_k) < tolerance);
        CHECK(nmse(as_floats(*outcome, "v", type == DType::f16), expected_v) < tolerance);
      }
    }
}

TEST_CASE("rope and the cache writes say what does not fit", "[ops]") {
  const auto words = [](Graph& g) { return g.state("control", DType::u32, {64}); };
  Graph g;
  rope(g, g.input("x", DType::f32, {1, 15}), g.weight("f", DType::f32, {2}, {"f", 0, 2}), words(g), {3, 5, false, 1});
  CHECK(error_of(g) == "[rope] head_dim must be even, 5 was given.");
  Graph h;
  kv_write(h, h.input("k", DType::f32, {1, 5}), h.input("v", DType::f32, {1, 5}), h.state("ck", DType::f16, {8, 5}),
           h.state("cv", DType::f16, {8, 5}), words(h));
  CHECK(error_of(h) == "[kv_write] an f16 cache needs an even number of columns, not 5.");
}
