// Factored models against recorded states of the reference implementation (FactorLLM).
#include <algorithm>
#include <cmath>

#include "frontend/factor.h"
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
  // The products of every type have tests of their own.
  for (const DType type : {DType::q8_0, DType::q4_k}) {
    INFO(name(type));
    test::need(convert(source, folder / "dense.gguf", {.type = type}));
    const Checkpoint quantised = test::need(Checkpoint::open(folder / "dense.gguf"));
    test::need(factor(quantised, folder / "cut.gguf", {.experts = 2, .active = 1}));
    Model dense = test::need(Model::load(*test::test_device(), folder / "dense.gguf")),
          cut = test::need(Model::load(*test::test_device(), folder / "cut.gguf"));
    Session whole = test::need(Session::create(dense, {.context = 32})),
            all = test::need(Session::create(cut, {.context = 32, .active = 2}));
    const auto expected = logits(whole, ids);
    CHECK(test::nmse(logits(all, ids), expected) < 1e-9);
  }
}
