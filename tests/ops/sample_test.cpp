#include <array>
#include <bit>
#include <random>

#include "tests/ops/op_test.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

// Philox4x32-10; the same function as shaders/common/philox.glsl.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t(0xD2511F53u) * c[0], b = uint64_t(0xCD9E8D57u) * c[2];
    c = {uint32_t(b >> 32) ^ c[1] ^ k0, uint32_t(b), uint32_t(a >> 32) ^ c[3] ^ k1, uint32_t(a)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

struct Settings {
  bool greedy = false;
  float temperature = 1;
  uint32_t top_k = 0;
  float top_p = 1, min_p = 0, penalty = 1;
  bool biased = false;
};

struct Scene {
  uint32_t slots;
  int64_t vocabulary;
  std::vector<float> logits;  // (slots, vocabulary)
  std::vector<float> bias;
  std::vector<uint32_t> seen;  // (slots, words)
  std::vector<uint32_t> control;
  uint32_t ring = 4;

  Scene(uint32_t count, int64_t columns) : slots(count), vocabulary(columns) {
    ControlTable table{.slot_count = count};
    for (uint32_t i = 0; i < count; ++i)
      table.slots.push_back(i), table.positions.push_back(10 + i), table.tokens.push_back(77);
    control = table.words();
    seen.assign(count * words(), 0);
    for (uint32_t i = 0; i < count; ++i) {
      slot(i).maximum = 1000;
      slot(i).history = i * words();
    }
  }
  uint32_t words() const { return uint32_t((vocabulary + 31) / 32); }
  shader::Slot& slot(uint32_t i) {
    return *reinterpret_cast<shader::Slot*>(control.data() + control[5] + i * shader::kSlotWords);
  }
  shader::Row& row(uint32_t i) {
    return *reinterpret_cast<shader::Row*>(control.data() + control[3] + i * shader::kRowWords);
  }
  bool has_seen(uint32_t slot_number, size_t token) const {
    return seen[slot_number * words() + token / 32] >> (token % 32) & 1;
  }

  void set(uint32_t i, const Settings& s, uint32_t seed) {
    shader::Slot& to = slot(i);
    to.greedy = s.greedy;
    to.temperature = std::bit_cast<uint32_t>(s.temperature);
    to.top_k = s.top_k;
    to.top_p = std::bit_cast<uint32_t>(s.top_p);
    to.min_p = std::bit_cast<uint32_t>(s.min_p);
    to.repeat_penalty = std::bit_cast<uint32_t>(s.penalty);
    to.flags = s.biased ? shader::kSlotBias : 0;
    to.seed_low = seed;
    to.seed_high = seed * 31 + 7;
  }

  // Runs the op and takes over the control table; returns the tokens (slots, ring).
  std::vector<uint32_t> run(Device& device) {
    Graph g;
    const Tensor x = g.input("logits", DType::f32, {int64_t(slots), vocabulary});
    SampleStates states{control_state(g, control),
                        g.state("seen", DType::u32, {int64_t(slots), int64_t(words())}),
                        g.state("tokens", DType::u32, {int64_t(slots), int64_t(ring)}),
                        {}};
    if (!bias.empty()) states.logit_bias = g.state("bias", DType::f32, {int64_t(slots), vocabulary});
    sample(g, x, states);
    Data data{.floats = {{"logits", logits}},
              .words = {{"control", control}, {"seen", seen}, {"tokens", std::vector<uint32_t>(slots * ring, 0xdead)}}};
    if (!bias.empty()) data.floats["bias"] = bias;
    const auto outcome = run_graph(device, g, data);
    INFO((outcome ? g.print() : outcome.error().message));
    REQUIRE(outcome);
    control = outcome->words.at("control");
    seen = outcome->words.at("seen");
    return outcome->words.at("tokens");
  }
};

// The masses that Hugging Face's processors and warpers leave, in double precision.
std::vector<double> kept_masses(const Scene& scene, uint32_t i, const Settings& s) {
  const size_t n = size_t(scene.vocabulary);
  std::vector<float> score(n);
  for (size_t t = 0; t < n; ++t) {
    float x = scene.logits[i * n + t];
    if (s.biased) x += scene.bias[i * n + t];
    if (s.penalty != 1 && scene.has_seen(i, t)) x = x > 0 ? x / s.penalty : x * s.penalty;
    score[t] = s.greedy ? x : x / s.temperature;
  }
  std::vector<size_t> order(n);  // ascending, stable
  for (size_t t = 0; t < n; ++t) order[t] = t;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return score[a] < score[b]; });
  const double largest = score[order.back()];
  std::vector<double> mass(n);
  for (size_t t = 0; t < n; ++t) mass[t] = std::exp(score[t] - largest);
  if (s.top_k > 0 && s.top_k < n) {
    const float least = score[order[n - s.top_k]];
    for (size_t t = 0; t < n; ++t)
      if (score[t] < least) mass[t] = 0;
  }
  if (s.top_p < 1) {
    double total = 0, sum = 0;
    for (double m : mass) total += m;
    for (size_t place = 0; place + 1 < n; ++place) {
      sum += mass[order[place]];
      if (sum <= (1 - double(s.top_p)) * total * (1 + 1e-6)) mass[order[place]] = 0;
    }
  }
  if (s.min_p > 0)
    for (double& m : mass)
      if (m < s.min_p) m = 0;
  return mass;
}

// True if the token is what the draw gives, or a neighbour when u lies within rounding of a boundary.
bool is_draw(const std::vector<double>& mass, double u, uint32_t token) {
  double total = 0, before = 0;
  for (double m : mass) total += m;
  if (token >= mass.size() || mass[token] <= 0) return false;
  for (size_t t = 0; t < token; ++t) before += mass[t];
  const double slack = 2e-5 * total;
  return u * total >= before - slack && u * total <= before + mass[token] + slack;
}

void check_draws(Device& device, Scene& scene, const Settings& settings) {
  for (uint32_t i = 0; i < scene.slots; ++i) scene.set(i, settings, 1000 + i);
  const Scene before = scene;
  const auto tokens = scene.run(device);
  uint32_t wrong = 0;
  for (uint32_t i = 0; i < scene.slots; ++i) {
    const double u = double(philox({0, 0, 0, 0}, 1000 + i, (1000 + i) * 31 + 7)[0] >> 8) / 16777216.0;
    if (!is_draw(kept_masses(before, i, settings), u, tokens[i * scene.ring])) ++wrong;
  }
  INFO("vocabulary " << scene.vocabulary << " temperature " << settings.temperature << " top_k " << settings.top_k
                     << " top_p " << settings.top_p << " min_p " << settings.min_p << " penalty " << settings.penalty
                     << " bias " << settings.biased);
  INFO("first tokens " << tokens[0] << " " << tokens[scene.ring]);
  CHECK(wrong == 0);
}

// Logits like a model's: a few large ones, most small. `step` > 0 rounds them, so that many are equal.
std::vector<float> model_like(size_t count, uint64_t seed, float step) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 2.5f);
  std::vector<float> values(count);
  for (float& value : values) value = step > 0 ? std::round(normal(random) / step) * step : normal(random);
  return values;
}

}  // namespace

TEST_CASE("the random numbers are Philox4x32-10", "[ops]") {
  CHECK(philox({0, 0, 0, 0}, 0, 0) == std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffff, 0xffffffff) ==
        std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
}

TEST_CASE("greedy sampling takes the largest logit, the lowest id on ties", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sample");
  for (const int64_t vocabulary : {1, 2, 31, 257, 2049, 49152, 151936, 262144}) {
    Scene scene(3, vocabulary);
    scene.logits = model_like(size_t(3 * vocabulary), 5, 0.5f);
    for (uint32_t i = 0; i < 3; ++i) scene.set(i, {.greedy = true}, i);
    const auto logits = scene.logits;
    const auto tokens = scene.run(*device);
    for (uint32_t i = 0; i < 3; ++i) {
      const auto begin = logits.begin() + i * vocabulary;
      INFO("vocabulary " << vocabulary);
      CHECK(tokens[i * scene.ring] == uint32_t(std::max_element(begin, begin + vocabulary) - begin));
    }
  }
}

TEST_CASE("draws follow the kept set and its masses", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sample");
  const std::vector<Settings> all = {
      {.temperature = 1},
      {.temperature = 0.7f},
      {.top_k = 1},
      {.top_k = 5},
      {.temperature = 1.5f, .top_k = 50},
      {.top_k = 300},
      {.top_p = 0.9f},
      {.top_p = 0.05f},
      {.top_p = 0},
      {.top_p = 0.999f},
      {.min_p = 0.1f},
      {.min_p = 1},
      {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f, .min_p = 0.05f},
      {.temperature = 2, .top_p = 0.8f, .min_p = 0.02f},
      {.top_k = 1000, .top_p = 0.5f},
      {.temperature = 0.9f, .top_k = 20, .top_p = 0.9f, .penalty = 1.3f, .biased = true},
  };
  for (const float step : {0.0f, 0.5f})
    for (const int64_t vocabulary : {1, 7, 300, 5003}) {
      for (const Settings& settings : all) {
        Scene scene(24, vocabulary);
        const auto row = model_like(size_t(vocabulary), 6, step);
        for (uint32_t i = 0; i < scene.slots; ++i) scene.logits.insert(scene.logits.end(), row.begin(), row.end());
        if (settings.biased) scene.bias = model_like(scene.logits.size(), 7, step);
        std::mt19937 random(8);
        if (settings.penalty != 1)
          for (uint32_t& word : scene.seen) word = random() & random();
        check_draws(*device, scene, settings);
      }
    }
}

TEST_CASE("draws from large vocabularies", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sample");
  for (const int64_t vocabulary : {49152, 262144})
    for (const Settings& settings : {Settings{.temperature = 1},
                                     {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f},
                                     {.top_p = 0.9f},
                                     {.top_k = 5000}}) {
      Scene scene(2, vocabulary);
      scene.logits = model_like(size_t(2 * vocabulary), 9, 0);
      check_draws(*device, scene, settings);
    }
}

TEST_CASE("equal logits are all equally likely", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sample");
  for (const Settings& settings : {Settings{}, {.top_k = 3}, {.top_p = 0.3f}, {.min_p = 0.5f}}) {
    Scene scene(32, 1000);
    scene.logits.assign(32000, -3.5f);
    check_draws(*device, scene, settings);
  }
}

TEST_CASE("greedy and drawing slots share a plan; stopped slots and padding do nothing", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sample");
  Scene scene(6, 100);
  scene.logits = model_like(600, 10, 0);
  const Settings drawing{.top_k = 10};
  for (uint32_t i = 0; i < 6; ++i) scene.set(i, i % 2 ? drawing : Settings{.greedy = true}, i);
  scene.slot(2).stopped = shader::kStoppedEos;
  scene.row(3).slot = shader::kNoSlot;
  scene.row(0).flags = shader::kRowFollows;
  scene.slot(0).generated = 6;
  scene.slot(1).maximum = 1;
  const Scene before = scene;
  const auto tokens = scene.run(*device);
  const auto largest = [&](uint32_t i) {
    const auto begin = before.logits.begin() + i * 100;
    return uint32_t(std::max_element(begin, begin + 100) - begin);
  };
  CHECK(tokens[0 * 4 + 6 % 4] == largest(0));
  CHECK(scene.slot(0).generated == 7);
  CHECK(scene.slot(0).stopped == 0);
  CHECK(scene.row(0).token == largest(0));
  CHECK(scene.row(0).position == 11);
  CHECK(scene.has_seen(0, largest(0)));
  CHECK(scene.slot(1).stopped == shader::kStoppedLength);
  CHECK(scene.row(1).token == 77);
  CHECK(scene.row(1).position == 11);
  CHECK(tokens[4 * 4] == largest(4));
  for (uint32_t i : {2u, 3u}) {
    for (uint32_t k = 0; k < 4; ++k) CHECK(tokens[i * 4 + k] == 0xdead);
    CHECK(scene.slot(i).generated == 0);
  }
}

TEST_CASE("a stop id ends the answer", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sample");
  Scene scene(2, 50);
  scene.logits.assign(100, 0);
  scene.logits[17] = scene.logits[50 + 18] = 5;
  for (uint32_t i = 0; i < 2; ++i) {
    scene.set(i, {.greedy = true}, 0);
    scene.slot(i).stop_count = 2;
    scene.slot(i).stop_ids[1] = 17;
  }
  const auto tokens = scene.run(*device);
  CHECK(tokens[0] == 17);
  CHECK(scene.slot(0).stopped == shader::kStoppedEos);
  CHECK(scene.slot(1).stopped == 0);
}

TEST_CASE("NaN and infinite logits give a token of the vocabulary", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sample");
  for (const float value : {NAN, INFINITY, -INFINITY})
    for (const Settings& settings : {Settings{.greedy = true},
                                     {},
                                     {.top_k = 5},
                                     {.top_p = 0.5f},
                                     {.min_p = 0.5f},
                                     {.temperature = NAN},
                                     {.top_p = NAN}}) {
      Scene scene(2, 300);
      scene.logits.assign(600, value);
      std::fill_n(scene.logits.begin() + 300, 150, 1.0f);
      for (uint32_t i = 0; i < 2; ++i) scene.set(i, settings, i);
      const auto tokens = scene.run(*device);
      CHECK(tokens[0] < 300);
      CHECK(tokens[4] < 300);
      if (!(value > 0)) CHECK(tokens[4] < 150);
    }
}

TEST_CASE("log_prob follows its formula", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "log_prob");
  for (const int64_t columns : {1, 7, 256, 2049, 49152, 262144}) {
    const int64_t rows = columns > 10000 ? 2 : 5;
    Graph g;
    g.keep(log_prob(g, g.input("logits", DType::f32, {rows, columns}), g.input("target", DType::u32, {rows})), "y");
    auto logits = model_like(size_t(rows * columns), 11, 0);
    for (float& x : logits) x = x * 4 + 300;
    std::vector<uint32_t> target;
    std::vector<float> expected;
    for (int64_t row = 0; row < rows; ++row) {
      target.push_back(uint32_t(row * 7919 % columns));
      const auto begin = logits.begin() + row * columns;
      const double largest = *std::max_element(begin, begin + columns);
      double sum = 0;
      for (int64_t i = 0; i < columns; ++i) sum += std::exp(begin[i] - largest);
      expected.push_back(float(begin[target.back()] - largest - std::log(sum)));
    }
    check_choices(*device, g, {.floats = {{"logits", logits}}, .words = {{"target", target}}}, expected, 1e-11);
  }
  Graph g;
  g.keep(log_prob(g, g.input("logits", DType::f32, {1, 4}), g.input("target", DType::u32, {1})), "y");
  const auto outcome = run_graph(*device, g, {.floats = {{"logits", {1, 2, 3, 4}}}, .words = {{"target", {4}}}});
  REQUIRE(outcome);
  CHECK(std::isnan(outcome->floats.at("y")[0]));
}
