#include "tests/ops/op_test.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

struct Case {
  int64_t heads, kv_heads, head_dim;
  DType type = DType::f32;
  int64_t window = 0;
};

// Rows of conversations over one cache whose blocks are dealt out in a mixed order.
struct Scene {
  std::vector<uint32_t> slots, positions;
  uint32_t blocks_per_slot;
  uint32_t slot_count;
  std::vector<uint32_t> control;
  std::vector<uint32_t> blocks;  // (slot, block)

  Scene(std::vector<uint32_t> row_slots, std::vector<uint32_t> row_positions)
      : slots(std::move(row_slots)), positions(std::move(row_positions)) {
    blocks_per_slot = *std::max_element(positions.begin(), positions.end()) / 32 + 1;
    slot_count = 1;
    for (uint32_t slot : slots)
      if (slot != shader::kNoSlot) slot_count = std::max(slot_count, slot + 1);
    ControlTable table{
        .slots = slots, .positions = positions, .slot_count = slot_count, .blocks_per_slot = blocks_per_slot};
    control = table.words();
    const uint32_t count = slot_count * blocks_per_slot;
    for (uint32_t i = 0; i < count; ++i) blocks.push_back(i);
    for (uint32_t i = count; i-- > 1;) std::swap(blocks[i], blocks[(i * 7919u) % (i + 1)]);
    std::copy(blocks.begin(), blocks.end(), control.begin() + control[6]);
  }
  int64_t places() const { return int64_t(slot_count) * blocks_per_slot * 32; }
  int64_t place(uint32_t slot, uint32_t position) const {
    return int64_t(blocks[slot * blocks_per_slot + position / 32]) * 32 + position % 32;
  }
};

float rounded(float value, DType type) { return type == DType::f16 ? f16_to_f32(f32_to_f16(value)) : value; }

std::vector<float> formula(const Case& c, const Scene& scene, const std::vector<float>& q, const std::vector<float>& k,
                           const std::vector<float>& v, double scale) {
  const int64_t stride = c.kv_heads * c.head_dim;
  std::vector<float> y(q.size(), 0);
  for (size_t row = 0; row < scene.slots.size(); ++row) {
    if (scene.slots[row] == shader::kNoSlot) continue;
    const int64_t position = scene.positions[row], first = c.window ? std::max<int64_t>(0, position - c.window + 1) : 0;
    for (int64_t head = 0; head < c.heads; ++head) {
      const float* query = q.data() + (int64_t(row) * c.heads + head) * c.head_dim;
      const int64_t column = head / (c.heads / c.kv_heads) * c.head_dim;
      std::vector<double> scores;
      for (int64_t i = first; i <= position; ++i) {
        const float* key = k.data() + scene.place(scene.slots[row], uint32_t(i)) * stride + column;
        double score = 0;
        for (int64_t d = 0; d < c.head_dim; ++d) score += double(query[d]) * rounded(key[d], c.type);
        scores.push_back(score * scale);
      }
      const double largest = *std::max_element(scores.begin(), scores.end());
      double total = 0;
      std::vector<double> sum(size_t(c.head_dim), 0);
      for (int64_t i = first; i <= position; ++i) {
        const double weight = std::exp(scores[size_t(i - first)] - largest);
        const float* value = v.data() + scene.place(scene.slots[row], uint32_t(i)) * stride + column;
        total += weight;
        for (int64_t d = 0; d < c.head_dim; ++d) sum[size_t(d)] += weight * rounded(value[d], c.type);
      }
      for (int64_t d = 0; d < c.head_dim; ++d)
        y[size_t((int64_t(row) * c.heads + head) * c.head_dim + d)] = float(sum[size_t(d)] / total);
    }
  }
  return y;
}

std::vector<std::byte> cache_bytes(const std::vector<float>& values, DType type) {
  std::vector<std::byte> bytes(values.size() * (type == DType::f16 ? 2 : 4));
  if (type == DType::f32) std::memcpy(bytes.data(), values.data(), bytes.size());
  for (size_t i = 0; type == DType::f16 && i < values.size(); ++i) {
    const uint16_t half = f32_to_f16(values[i]);
    std::memcpy(bytes.data() + i * 2, &half, 2);
  }
  return bytes;
}

struct Values {
  std::vector<float> q, k, v;
};

Values values_of(const Case& c, const Scene& scene, float spread = 2) {
  const size_t cache = size_t(scene.places() * c.kv_heads * c.head_dim);
  Values values{random_floats(scene.slots.size() * size_t(c.heads * c.head_dim), 21, -spread, spread),
                random_floats(cache, 22, -2, 2), random_floats(cache, 23)};
  // Places that no row may read hold NaN: their weight must not be 0 * NaN.
  std::vector<bool> used(size_t(scene.places()), false);
  for (size_t row = 0; row < scene.slots.size(); ++row)
    for (uint32_t i = 0; scene.slots[row] != shader::kNoSlot && i <= scene.positions[row]; ++i)
      used[size_t(scene.place(scene.slots[row], i))] = true;
  for (size_t i = 0; i < cache; ++i)
    if (!used[i / size_t(c.kv_heads * c.head_dim)]) values.k[i] = values.v[i] = NAN;
  return values;
}

Graph graph_of(const Case& c, const Scene& scene, double scale) {
  Graph g;
  const Tensor q = g.input("q", DType::f32, {int64_t(scene.slots.size()), c.heads * c.head_dim});
  const Tensor k = g.state("k", c.type, {scene.places(), c.kv_heads * c.head_dim}),
               v = g.state("v", c.type, {scene.places(), c.kv_heads * c.head_dim});
  g.keep(attention(g, q, k, v, control_state(g, scene.control),
                   {c.heads, c.kv_heads, c.head_dim, scale, c.window, int64_t(scene.blocks_per_slot) * 32}),
         "y");
  return g;
}

Data data_of(const Case& c, const Scene& scene, const Values& values) {
  return {.floats = {{"q", values.q}},
          .words = {{"control", scene.control}},
          .bytes = {{"k", cache_bytes(values.k, c.type)}, {"v", cache_bytes(values.v, c.type)}}};
}

// Compares every choice with the formula; rows of padding are left out.
void check_attention(Device& device, const Case& c, const Scene& scene, double tolerance = 1e-10, float spread = 2) {
  const double scale = 1 / std::sqrt(double(c.head_dim));
  Graph g = graph_of(c, scene, scale);
  REQUIRE(error_of(g) == "");
  const Values values = values_of(c, scene, spread);
  const auto expected = formula(c, scene, values.q, values.k, values.v, scale);
  for (const std::string& choice : choices_of_last_node(device, g)) {
    const auto outcome = run_graph(device, g, data_of(c, scene, values), {.choice = choice});
    INFO(g.print() << "choice " << choice << (outcome ? "" : ": " + outcome.error().message));
    REQUIRE(outcome);
    auto got = outcome->floats.at("y");
    const size_t width = size_t(c.heads * c.head_dim);
    for (size_t row = 0; row < scene.slots.size(); ++row)
      if (scene.slots[row] == shader::kNoSlot) std::fill_n(got.begin() + std::ptrdiff_t(row * width), width, 0.0f);
    CHECK(nmse(got, expected) < tolerance);
  }
}

Scene one_row(uint32_t position) { return Scene({0}, {position}); }

Scene prompt(uint32_t rows, uint32_t first) {
  std::vector<uint32_t> positions;
  for (uint32_t i = 0; i < rows; ++i) positions.push_back(first + i);
  return Scene(std::vector<uint32_t>(rows, 0), positions);
}

// Decoding rows of several conversations, parts of two prompts and padding, mixed.
Scene mixed() {
  std::vector<uint32_t> slots, positions;
  for (uint32_t i = 0; i < 40; ++i) {
    slots.push_back(i % 5 == 4 ? shader::kNoSlot : i < 20 ? i % 3 : 3 + (i >= 33));
    positions.push_back(i < 20 ? i * 11 : 100 + i);
  }
  return Scene(slots, positions);
}

}  // namespace

TEST_CASE("attention of one row over edge lengths, head counts and head sizes", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "attention");
  for (const DType type : {DType::f32, DType::f16}) {
    for (const uint32_t position : {0u, 1u, 31u, 32u, 63u, 64u, 127u, 128u, 200u, 700u})
      check_attention(*device, {9, 3, 64, type}, one_row(position));
    for (const int64_t head_dim : {2, 6, 20, 40, 64, 80, 96, 128, 256})
      check_attention(*device, {4, 2, head_dim, type}, one_row(150));
    for (const auto& [heads, kv_heads] : {std::pair{1, 1}, {7, 1}, {8, 8}, {8, 1}, {14, 2}, {10, 1}, {32, 2}})
      check_attention(*device, {heads, kv_heads, 16, type}, one_row(333));
  }
  for (const int64_t head_dim : {1, 5, 33}) check_attention(*device, {3, 1, head_dim}, one_row(100));
}

TEST_CASE("attention of many rows of one conversation is causal", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "attention");
  for (const DType type : {DType::f32, DType::f16}) {
    check_attention(*device, {9, 3, 64, type}, prompt(48, 0));
    check_attention(*device, {4, 4, 40, type}, prompt(17, 75));
    check_attention(*device, {8, 1, 128, type}, prompt(33, 30));
    check_attention(*device, {2, 1, 256, type}, prompt(16, 5));
    check_attention(*device, {4, 2, 6, type}, prompt(20, 3));
  }
  check_attention(*device, {9, 3, 64}, prompt(5, 100));
}

TEST_CASE("attention with a sliding window", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "attention");
  for (const int64_t window : {1, 7, 64, 100, 1000}) {
    for (const uint32_t position : {0u, 6u, 7u, 100u, 500u})
      check_attention(*device, {4, 2, 32, DType::f32, window}, one_row(position));
    check_attention(*device, {4, 2, 32, DType::f32, window}, prompt(40, 90));
  }
}

TEST_CASE("attention over many conversations equals one at a time", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "attention");
  for (const DType type : {DType::f32, DType::f16}) {
    const Case c{6, 2, 32, type};
    const Scene all = mixed();
    check_attention(*device, c, all);
    const Values values = values_of(c, all);
    const size_t width = size_t(c.heads * c.head_dim);
    Graph g = graph_of(c, all, 0.2);
    for (const std::string& choice : choices_of_last_node(*device, g)) {
      const auto together = run_graph(*device, g, data_of(c, all, values), {.choice = choice});
      REQUIRE(together);
      for (const uint32_t slot : {0u, 2u, 3u, 4u}) {
        // The same plan with the other rows as padding.
        Scene alone = all;
        for (size_t row = 0; row < all.slots.size(); ++row)
          if (all.slots[row] != slot) alone.control[alone.control[3] + row * shader::kRowWords] = shader::kNoSlot;
        const auto single = run_graph(*device, g, data_of(c, alone, values), {.choice = choice});
        REQUIRE(single);
        INFO("choice " << choice << " slot " << slot);
        std::vector<float> a, b;
        bool same_bits = true;
        for (size_t row = 0; row < all.slots.size(); ++row) {
          if (all.slots[row] != slot) continue;
          for (size_t i = row * width; i < (row + 1) * width; ++i) {
            a.push_back(single->floats.at("y")[i]);
            b.push_back(together->floats.at("y")[i]);
            same_bits = same_bits && a.back() == b.back();
          }
        }
        CHECK(nmse(a, b) < 1e-10);
        if (choice == "plain" || choice == "flash") CHECK(same_bits);
      }
    }
  }
}

TEST_CASE("attention keeps large scores apart", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "attention");
  check_attention(*device, {4, 2, 64}, one_row(300), 1e-8, 400);
  check_attention(*device, {4, 2, 64}, prompt(32, 100), 1e-8, 400);
}

TEST_CASE("attention reaches contexts of 131,072 positions", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "attention");
  check_attention(*device, {2, 1, 64}, one_row(131071), 1e-8);
  check_attention(*device, {1, 1, 128}, one_row(131071), 1e-8);
  check_attention(*device, {1, 1, 256, DType::f16}, one_row(131071), 1e-8);
  check_attention(*device, {1, 1, 16}, prompt(16, 131056), 1e-8);
  // Several long conversations in one tile.
  check_attention(*device, {1, 1, 16},
                  Scene({0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4}, std::vector<uint32_t>(16, 40000)), 1e-8);
}

TEST_CASE("attention says what does not fit", "[ops]") {
  Graph g;
  const Tensor q = g.input("q", DType::f32, {1, 15}), k = g.state("k", DType::f16, {32, 5}),
               v = g.state("v", DType::f16, {32, 5});
  attention(g, q, k, v, g.state("control", DType::u32, {64}), {3, 1, 5, 1, 0, 32});
  CHECK(error_of(g) == "[attention] an f16 cache needs an even head_dim, not 5.");
  Graph h;
  attention(h, h.input("q", DType::f32, {1, 20}), h.state("k", DType::f32, {32, 15}),
            h.state("v", DType::f32, {32, 15}), h.state("control", DType::u32, {64}), {4, 3, 5, 1, 0, 32});
  CHECK(error_of(h) == "[attention] heads (4) must be a multiple of kv_heads (3).");
}
