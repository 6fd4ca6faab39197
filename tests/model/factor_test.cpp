// Factored models against recorded states of the reference implementation (FactorLLM).
#include <algorithm>
#include <cmath>

#include "frontend/factor.h"
#include "frontend/feed_forward.h"
#include "frontend/session.h"
#include "runtime/base/text.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"
#include "tests/support/run_graph.h"
#include "tests/support/skip.h"
#include "tests/support/small_model.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

constexpr size_t kVocabulary = 512;

struct Case {
  Model model;
  TensorFiles expected;
};

Case load(const std::string& name, const std::string& cases) {
  const auto folder = *test::shared_golden("factorllm");
  return {test::need(Model::load(*test::test_device(), folder / "factored" / name)),
          test::need(open_tensors(folder / "cases" / (cases + ".safetensors")))};
}

std::vector<int32_t> prompt(const Case& c, int number) {
  const auto wide = test::recorded<int64_t>(c.expected, join("p", number, ".ids"));
  return {wide.begin(), wide.end()};
}

std::vector<float> logits(Session& session, const std::vector<int32_t>& ids) {
  std::vector<float> all;
  const Status read = session.logits(0, ids, [&](int64_t, std::span<const float> values) {
    all.insert(all.end(), values.begin(), values.end());
    return Status(Done{});
  });
  if (!read) FAIL(read.error().message);
  return all;
}

int32_t greedy_token(Session& session, const std::vector<int32_t>& ids) {
  int32_t answer = -1;
  if (const Status set = session.set_tokens(0, ids); !set) FAIL(set.error().message);
  const GenerateRequest request{.max_tokens = 1};
  const auto reasons = session.generate(std::span(&request, 1), [&](uint32_t, int32_t token) {
    answer = token;
    return true;
  });
  REQUIRE(reasons.ok());
  return answer;
}

// Every logit of the recorded prompts, and the token that one row chooses after the last of them.
void check_logits(Case& c, const SessionOptions& options, int prompts = 3) {
  Session session = test::need(Session::create(c.model, options));
  for (int number = 0; number < prompts; ++number) {
    const auto ids = prompt(c, number);
    const auto expected = test::recorded(c.expected, join("p", number, ".k", options.active, ".logits"));
    INFO("prompt " << number << ", " << options.active << " active");
    CHECK(test::worst(logits(session, ids), expected) < 1e-4);
    const auto last = expected.end() - std::ptrdiff_t(kVocabulary);
    CHECK(greedy_token(session, ids) == int32_t(std::max_element(last, expected.end()) - last));
  }
}

}  // namespace

#define NEED_GOLDENS()                                             \
  if (!test::test_device()) LK_SKIP(no_device, "factored models"); \
  if (!test::shared_golden("factorllm")) LK_SKIP(no_shared_goldens, "factored models")

// The formulas on numbers that the reference was run on by hand: 4 experts of 2 rows, 2 of them active.
TEST_CASE("factored: scores, choices and outputs of a small network", "[factor]") {
  if (!test::test_device()) LK_SKIP(no_device, "factored models");
  const auto filled = [](int rows, int columns, int a, int b, int c) {
    std::vector<float> values;
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) values.push_back(float((i * a + j * b + c) % 11 - 5) / 10);
    return values;
  };
  // The rows of an expert are padded to 32: its gates, then its ups; or its downs.
  const auto gate = filled(8, 4, 7, 3, 2), up = filled(8, 4, 5, 2, 3), down = filled(4, 8, 3, 4, 5);
  std::vector<float> gate_up(4 * 64 * 4), downs(4 * 32 * 2);
  for (size_t e = 0; e < 4; ++e) {
    std::copy_n(&gate[e * 8], 8, &gate_up[e * 256]);
    std::copy_n(&up[e * 8], 8, &gate_up[e * 256 + 128]);
    for (size_t r = 0; r < 4; ++r) std::copy_n(&down[r * 8 + e * 2], 2, &downs[e * 64 + r * 2]);
  }
  const auto bytes = [](const std::vector<float>& values) {
    const auto raw = std::as_bytes(std::span(values));
    return std::vector<std::byte>(raw.begin(), raw.end());
  };
  Graph g;
  const GatedExperts experts{.gate_up = g.weight("gate_up", DType::f32, {256, 4}, {"gate_up", 0, 256, 64}),
                             .down = g.weight("down", DType::f32, {128, 2}, {"down", 0, 128, 32}),
                             .intermediate = 2,
                             .outputs = 4};
  const FactoredRows made = write_factored(g, {.experts = 4, .active = 2}, experts,
                                           {.x = g.input("x", DType::f32, {2, 4}),
                                            .router = g.weight("router", DType::f32, {4, 4}, {"router", 0, 4}),
                                            .bias = g.weight("bias", DType::f32, {4}, {"bias", 0, 4})});
  g.keep(made.scores, "scores");
  g.keep(made.weights, "weights");
  g.keep(made.y, "y");
  test::Data data;
  data.floats["x"] = filled(2, 4, 4, 5, 6);
  data.floats["bias"] = {0, 0.01f, 0.02f, 0.03f};
  data.bytes["router"] = bytes(filled(4, 4, 7, 3, 1));
  data.bytes["gate_up"] = bytes(gate_up);
  data.bytes["down"] = bytes(downs);
  const auto ran = test::need(test::run_graph(*test::test_device(), g, data));
  CHECK(test::worst(ran.floats.at("scores"), std::vector<float>{.26f, .34f, -.24f, .28f, -.21f, .11f, .21f, -.24f}) <
        1e-6);
  CHECK(ran.floats.at("weights") == std::vector<float>{0, 2, 0, 2, 0, 2, 2, 0});
  CHECK(test::worst(ran.floats.at("y"), std::vector<float>{-0.02573356f, -0.03193163f, 0.02207147f, 0.05680989f,
                                                           -0.03078125f, 0.01918659f, 0.02719872f, -0.04715381f}) <
        1e-7);
}

TEST_CASE("factored: every number of active experts gives the recorded logits", "[factor]") {
  NEED_GOLDENS();
  Case c = load("contiguous", "contiguous");
  REQUIRE(c.model.config().factor);
  CHECK(c.model.config().factor->experts == 4);
  CHECK(c.model.config().factor->active == 2);
  for (uint32_t active = 1; active <= 4; ++active) check_logits(c, {.context = 64, .active = active});
  check_logits(c, {.context = 64, .fuse = false, .active = 2}, 1);

  // All of the experts are the dense model.
  Session all = test::need(Session::create(c.model, {.context = 64, .active = 4}));
  CHECK(test::worst(logits(all, prompt(c, 1)), test::recorded(c.expected, "p1.dense.logits")) < 1e-4);
}

TEST_CASE("factored: scores and choices of every row and layer are the recorded ones", "[factor]") {
  NEED_GOLDENS();
  Case c = load("contiguous", "contiguous");
  const uint32_t layers = c.model.config().layers;
  for (const uint32_t active : {1u, 2u, 3u}) {
    std::vector<std::vector<float>> scores(layers), weights(layers);
    Session session = test::need(
        Session::create(c.model, {.context = 64, .active = active, .on_routed = [&](const RoutedRows& routed) {
                                    REQUIRE(routed.adapter == RoutedRows::kModel);
                                    REQUIRE(routed.first * 4 == int64_t(scores[routed.router].size()));
                                    auto& s = scores[routed.router];
                                    auto& w = weights[routed.router];
                                    s.insert(s.end(), routed.scores.begin(), routed.scores.end());
                                    w.insert(w.end(), routed.weights.begin(), routed.weights.end());
                                  }}));
    logits(session, prompt(c, 2));
    for (uint32_t layer = 0; layer < layers; ++layer) {
      const std::string at = join("p2.k", active, ".layer", layer, ".");
      INFO(at);
      CHECK(test::worst(scores[layer], test::recorded(c.expected, at + "scores")) < 1e-4);
      const auto mask = test::recorded<uint8_t>(c.expected, at + "mask");
      std::vector<float> expected;
      for (const uint8_t chosen : mask) expected.push_back(chosen ? float(4 / active) : 0.0f);
      CHECK(weights[layer] == expected);
    }
  }
}

TEST_CASE("factored: permuted slices, views of the dense weights, bf16 and named state dicts are read", "[factor]") {
  NEED_GOLDENS();
  Case permuted = load("permuted", "permuted"), views = load("contiguous_views", "contiguous"),
       bf16 = load("contiguous_bfloat16", "contiguous_bfloat16");
  for (uint32_t active : {1u, 2u, 4u}) check_logits(permuted, {.context = 64, .active = active}, 1);
  check_logits(views, {.context = 64, .active = 2}, 1);
  check_logits(bf16, {.context = 64, .active = 2}, 1);

  // The published name of a state dict, and no file that says what the shapes say.
  const test::TemporaryFolder folder;
  const auto source = *test::shared_golden("factorllm/factored/contiguous");
  std::filesystem::copy_file(source / "config.json", folder / "config.json");
  std::filesystem::copy_file(source / "pytorch_model.bin", folder / "pytorch_model_epoch0_step2000.bin");
  const Checkpoint found = test::need(Checkpoint::open(folder.path()));
  const DecoderConfig config = test::need(DecoderConfig::from(found));
  REQUIRE(config.factor);
  CHECK(config.factor->experts == 4);
  CHECK(config.factor->active == 2);
  CHECK(config.factor->order.empty());
}

TEST_CASE("factored: a number of active experts that the model has not is refused", "[factor]") {
  NEED_GOLDENS();
  Case c = load("contiguous", "contiguous");
  const auto refused = Session::create(c.model, {.active = 5});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "a row goes through 1 to 4 experts of this model, 5 were asked for.");
  Model dense = test::need(Model::load(*test::test_device(), *test::shared_golden("factorllm/dense")));
  const auto none = Session::create(dense, {.active = 2});
  REQUIRE_FALSE(none);
  CHECK(none.error().message == "2 active experts were asked for, but the model is not factored into experts.");
}

TEST_CASE("factored: a state dict as one GGUF file is the same model", "[factor]") {
  NEED_GOLDENS();
  const test::TemporaryFolder folder;
  for (const char* name : {"permuted", "contiguous_bfloat16"}) {
    const Checkpoint source = test::need(Checkpoint::open(*test::shared_golden(join("factorllm/factored/", name))));
    test::need(convert(source, folder / "m.gguf", {.type = DType::f32}));
    Case c = {test::need(Model::load(*test::test_device(), folder / "m.gguf")),
              test::need(open_tensors(*test::shared_golden(join("factorllm/cases/", name, ".safetensors"))))};
    const DecoderConfig from = test::need(DecoderConfig::from(source));
    REQUIRE(c.model.config().factor);
    CHECK(c.model.config().factor->order == from.factor->order);
    CHECK(c.model.config().factor->split == from.factor->split);
    check_logits(c, {.context = 64, .active = 2}, 1);
  }
}

TEST_CASE("factored: all experts of a cut model are the dense model, quantised or not", "[factor]") {
  if (!test::test_device()) LK_SKIP(no_device, "factored models");
  const test::TemporaryFolder folder;
  test::write_directory(
      test::small_model({.hidden = 256, .intermediate = 512, .layers = 1, .heads = 2, .head_dim = 32}), folder / "m");
  const Checkpoint source = test::need(Checkpoint::open(folder / "m"));
  const std::vector<int32_t> ids = {5, 17, 60, 33, 2, 9};
  // The products of every type have tests of their own. Columns that change places would be quantised again, but for
  // f32.
  struct Cut {
    DType dense;
    FactorSplit split;
    std::optional<DType> type;
  };
  for (const Cut& c : {Cut{DType::q8_0, FactorSplit::contiguous, {}}, Cut{DType::q4_k, FactorSplit::contiguous, {}},
                       Cut{DType::q4_1, FactorSplit::permutation, DType::f32}}) {
    INFO(name(c.dense) << ", " << name(c.split));
    test::need(convert(source, folder / "dense.gguf", {.type = c.dense}));
    const Checkpoint written = test::need(Checkpoint::open(folder / "dense.gguf"));
    test::need(factor(written, folder / "cut.gguf", {.experts = 2, .active = 1, .split = c.split, .type = c.type}));
    Model dense = test::need(Model::load(*test::test_device(), folder / "dense.gguf")),
          cut = test::need(Model::load(*test::test_device(), folder / "cut.gguf"));
    Session whole = test::need(Session::create(dense, {.context = 32})),
            all = test::need(Session::create(cut, {.context = 32, .active = 2}));
    const auto expected = logits(whole, ids);
    CHECK(test::nmse(logits(all, ids), expected) < 1e-9);
  }
}

TEST_CASE("factored: layers that are kept whole go through all experts", "[factor]") {
  if (!test::test_device()) LK_SKIP(no_device, "factored models");
  const test::TemporaryFolder folder;
  test::write_directory(test::small_model({.layers = 3}), folder / "m");
  const Checkpoint source = test::need(Checkpoint::open(folder / "m"));
  const std::vector<int32_t> ids = {5, 17, 60, 33, 2, 9};
  const auto said = [&](const FactorOptions& options) {
    test::need(factor(source, folder / "cut.gguf", options));
    Model model = test::need(Model::load(*test::test_device(), folder / "cut.gguf"));
    CHECK(model.config().factor->whole_layers == options.whole_layers);
    std::vector<std::vector<float>> chosen(3);
    Session session = test::need(Session::create(model, {.context = 32, .on_routed = [&](const RoutedRows& rows) {
                                                           chosen[size_t(rows.router)].assign(rows.weights.begin(),
                                                                                              rows.weights.end());
                                                         }}));
    const auto all = logits(session, ids);
    for (const uint32_t layer : options.whole_layers) {
      CHECK_FALSE(chosen[layer].empty());
      CHECK(std::all_of(chosen[layer].begin(), chosen[layer].end(), [](float weight) { return weight == 1; }));
    }
    return all;
  };
  const auto dense = said({.experts = 4, .active = 4}), some = said({.experts = 4, .active = 1}),
             but_last = said({.experts = 4, .active = 1, .whole_layers = {0, 1}});
  CHECK(said({.experts = 4, .active = 1, .whole_layers = {0, 1, 2}}) == dense);
  CHECK(test::nmse(but_last, dense) < test::nmse(some, dense));

  const auto bad = factor(source, folder / "bad.gguf", {.experts = 4, .active = 1, .whole_layers = {3}});
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message ==
        "[factor] the given cut: the layers of all experts must be numbers from 0 to 2, ascending; 3 was given.");
}
