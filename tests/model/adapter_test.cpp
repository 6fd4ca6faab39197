// Adapters on a tiny LLaMA against recorded states of the reference implementation.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "frontend/adapters/adapter.h"
#include "frontend/checkpoint/checkpoint.h"
#include "frontend/session.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/recorded_adapters.h"
#include "tests/support/skip.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

constexpr float kLogits = 2e-4f;  // largest difference that the records recommend
constexpr const char* kNames[] = {"lora", "dynmole", "loramoe", "mixlora", "mixlora-dynamic", "mola"};

std::vector<int32_t> ids(const TensorFiles& files, const std::string& tag, size_t row = 0, size_t rows = 1) {
  const auto all = recorded<int64_t>(files, tag + "input_ids"), mask = recorded<int64_t>(files, tag + "attention_mask");
  const size_t length = all.size() / rows;
  std::vector<int32_t> tokens;
  for (size_t i = row * length; i < (row + 1) * length; ++i)
    if (mask[i] != 0) tokens.push_back(int32_t(all[i]));
  return tokens;
}

std::vector<float> logits_of(Session& session, uint32_t slot, const std::vector<int32_t>& tokens) {
  std::vector<float> logits;
  const Status status = session.logits(slot, tokens, [&](int64_t, std::span<const float> values) -> Status {
    logits.insert(logits.end(), values.begin(), values.end());
    return Done{};
  });
  if (!status) FAIL(status.error().message);
  return logits;
}

// Over as many values as were computed: records go on with padding.
float worst_of(std::span<const float> got, std::span<const float> expected) {
  return got.size() > expected.size() ? INFINITY : worst(got, expected.first(got.size()));
}

}  // namespace

#define OPEN_BASE(name)                                        \
  auto name = open_recorded_base();                            \
  if (!name && !test_device()) LK_SKIP(no_device, "adapters"); \
  if (!name) LK_SKIP(no_shared_goldens, "the recorded adapters")

TEST_CASE("adapters of every kind give the recorded logits", "[model][adapter]") {
  OPEN_BASE(base);
  for (const char* name : kNames) {
    const Adapter adapter = base->adapter(name);
    const TensorFiles records = base->records(name);
    for (const bool fuse : {true, false}) {
      Session session = need(Session::create(base->model, {.context = 128, .fuse = fuse, .adapters = {{&adapter}}}));
      const uint32_t first[] = {0};
      REQUIRE(session.set_adapters(0, first).ok());
      for (const char* tag : {"single0.", "single1.", "single2."}) {
        INFO(name << " " << tag << (fuse ? " fused" : " plain"));
        const auto expected = recorded<float>(records, std::string(tag) + "logits");
        CHECK(worst_of(logits_of(session, 0, ids(records, tag)), expected) < kLogits);
      }
    }
  }
}

TEST_CASE("an adapter that is not asked for leaves the base's bits", "[model][adapter]") {
  OPEN_BASE(base);
  const TensorFiles records = base->records("none");
  const auto tokens = ids(records, "single2.");
  Session plain = need(Session::create(base->model, {.context = 128}));
  const auto expected = logits_of(plain, 0, tokens);
  CHECK(worst_of(expected, recorded<float>(records, "single2.logits")) < kLogits);
  for (const char* name : kNames) {
    const Adapter adapter = base->adapter(name);
    // Fusion would join products that stand apart beside an adapter: the order of additions is that of the plain ops.
    Session apart = need(Session::create(base->model, {.context = 128, .fuse = false}));
    Session session = need(Session::create(base->model, {.context = 128, .fuse = false, .adapters = {{&adapter}}}));
    INFO(name);
    const auto before = logits_of(session, 0, tokens);
    CHECK(before == logits_of(apart, 0, tokens));
    const uint32_t first[] = {0};
    REQUIRE(session.set_adapters(0, first).ok());
    CHECK(logits_of(session, 0, tokens) != before);
    REQUIRE(session.set_adapters(0, {}).ok());
    CHECK(logits_of(session, 0, tokens) == before);
  }
}

TEST_CASE("conversations with different adapters go through one plan", "[model][adapter]") {
  OPEN_BASE(base);
  const TensorFiles records = base->records("multi_adapter");
  const Adapter lora = base->adapter("lora"), dynmole = base->adapter("dynmole"), mola = base->adapter("mola");
  const Adapter mixlora = base->adapter("mixlora");
  Session session = need(Session::create(
      base->model, {.context = 128, .slots = 5, .adapters = {{&lora}, {&dynmole}, {&mola}, {&mixlora}}}));
  std::vector<std::vector<int32_t>> texts;
  for (uint32_t slot = 0; slot < 3; ++slot) {
    REQUIRE(session.set_adapters(slot, std::span(&slot, 1)).ok());
    texts.push_back(ids(records, "", slot, 3));
  }
  // Beside them one with MixLoRA and one with none.
  const uint32_t fourth[] = {3};
  REQUIRE(session.set_adapters(3, fourth).ok());
  const TensorFiles mix = base->records("mixlora"), none = base->records("none");
  texts.push_back(ids(mix, "single1."));
  texts.push_back(ids(none, "single1."));
  const size_t vocabulary = base->model.config().vocabulary;
  const auto expected = recorded<float>(records, "logits");
  const size_t length = expected.size() / 3 / vocabulary;
  const Status status = session.last_logits(texts, [&](uint32_t text, std::span<const float> values) -> Status {
    INFO("text " << text);
    const size_t last = texts[text].size() - 1;
    if (text < 3) {
      CHECK(worst_of(values, std::span(expected).subspan((text * length + last) * vocabulary, vocabulary)) < kLogits);
    } else {
      const auto single = recorded<float>(text == 3 ? mix : none, "single1.logits");
      CHECK(worst_of(values, std::span(single).subspan(last * vocabulary, vocabulary)) < kLogits);
    }
    return Done{};
  });
  REQUIRE(status.ok());
}

TEST_CASE("plain LoRAs add up, routed adapters do not", "[model][adapter]") {
  OPEN_BASE(base);
  const auto tokens = ids(base->records("none"), "single1.");
  const Adapter lora = base->adapter("lora"), dynmole = base->adapter("dynmole"), mola = base->adapter("mola");
  Session session = need(Session::create(
      base->model,
      {.context = 128, .fuse = false, .adapters = {{&lora, 0.5}, {&lora, 0.5}, {&lora}, {&dynmole}, {&mola}}}));
  const uint32_t halves[] = {0, 1}, whole[] = {2}, routed[] = {3, 4}, unknown[] = {5};
  REQUIRE(session.set_adapters(0, halves).ok());
  const auto twice_half = logits_of(session, 0, tokens);
  REQUIRE(session.set_adapters(0, whole).ok());
  CHECK(worst_of(twice_half, logits_of(session, 0, tokens)) < kLogits);
  CHECK(session.set_adapters(0, routed).error().message ==
        "a conversation has one adapter with routers, 2 were given.");
  CHECK(session.set_adapters(0, unknown).error().message == "adapter 5 does not exist, the session has 5.");
}
