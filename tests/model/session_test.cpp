// What a session promises, on a tiny random model.
#include "frontend/session.h"

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"
#include "tests/support/tiny_model.h"

using namespace lorikeet;

namespace {

using Ids = std::vector<int32_t>;

Ids prompt(size_t count, int32_t seed = 1) {
  Ids ids;
  for (size_t i = 0; i < count; ++i) ids.push_back(int32_t((i * 37 + size_t(seed) * 11) % 96) + 1);
  return ids;
}

template <class T>
T take(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

void take(const Status& status) {
  if (!status) FAIL(status.error().message);
}

Ids answer(Session& s, GenerateRequest request) {
  Ids ids;
  take(s.generate(std::span(&request, 1), [&](uint32_t, int32_t token) {
    ids.push_back(token);
    return true;
  }));
  return ids;
}

SamplerSettings sampling(uint64_t seed) {
  return {.greedy = false, .temperature = 1.2f, .top_k = 40, .top_p = 0.95f, .repeat_penalty = 1.1f, .seed = seed};
}

}  // namespace

#define NEED_DEVICE()                          \
  Device* device = test::test_device();        \
  if (!device) LK_SKIP(no_device, "sessions"); \
  const auto path = test::write_tiny_model("lorikeet-tiny-session")

TEST_CASE("fused and unfused sessions agree, for both families and untied heads") {
  Device* device = test::test_device();
  if (!device) LK_SKIP(no_device, "sessions");
  for (const test::TinyModel& shape :
       {test::TinyModel{}, test::TinyModel{.tied = false, .qwen2 = true},
        test::TinyModel{.hidden = 44 * 4, .heads = 4, .kv_heads = 1, .intermediate = 172}}) {
    Model model = take(Model::load(*device, test::write_tiny_model("lorikeet-tiny-fused", shape)));
    Session fused = take(Session::create(model, {})), plain = take(Session::create(model, {.fuse = false}));
    const auto a = take(fused.log_probs(0, prompt(75))), b = take(plain.log_probs(0, prompt(75)));
    for (size_t i = 0; i < a.size(); ++i) REQUIRE(std::abs(a[i] - b[i]) < 1e-4);
    take(fused.set_tokens(0, prompt(9)));
    take(plain.set_tokens(0, prompt(9)));
    CHECK(answer(fused, {.max_tokens = 20}) == answer(plain, {.max_tokens = 20}));
  }
}

TEST_CASE("the same session gives the same bits again; a kept prefix changes nothing") {
  NEED_DEVICE();
  Model model = take(Model::load(*device, path));
  Session s = take(Session::create(model, {}));
  CHECK(take(s.log_probs(0, prompt(60))) == take(s.log_probs(0, prompt(60))));
  take(s.set_tokens(0, prompt(40)));
  const Ids first = answer(s, {.sampler = sampling(5), .max_tokens = 12});
  s.clear(0);
  take(s.set_tokens(0, prompt(40)));
  CHECK(s.tokens(0).size() == 40);
}

TEST_CASE("a conversation that outgrows its first cache goes on as in a large one") {
  NEED_DEVICE();
  Model model = take(Model::load(*device, path));
  Session s = take(Session::create(model, {.context = 700}));
  take(s.set_tokens(0, prompt(250)));
  const Ids long_answer = answer(s, {.max_tokens = 100});
  REQUIRE(long_answer.size() == 100);
  Ids whole = prompt(250);
  whole.insert(whole.end(), long_answer.begin(), long_answer.begin() + 99);
  take(s.set_tokens(0, prompt(3)));
  take(s.set_tokens(0, whole));
  CHECK(answer(s, {.max_tokens = 1}) == Ids{long_answer.back()});
}

TEST_CASE("a fork goes on like its source, and a restored conversation as if it had never stopped") {
  NEED_DEVICE();
  Model model = take(Model::load(*device, path));
  Session s = take(Session::create(model, {.slots = 2}));
  take(s.set_tokens(0, prompt(50)));
  answer(s, {.sampler = sampling(3), .max_tokens = 7});
  take(s.fork(0, 1));
  const std::string saved = take(s.save(0));
  const Ids expected = answer(s, {.slot = 0, .sampler = sampling(3), .max_tokens = 15});
  CHECK(answer(s, {.slot = 1, .sampler = sampling(3), .max_tokens = 15}) == expected);
  Session other = take(Session::create(model, {}));
  take(other.restore(0, saved));
  CHECK(answer(other, {.sampler = sampling(3), .max_tokens = 15}) == expected);
  for (size_t cut : {size_t(0), size_t(9), saved.size() / 2, saved.size() - 1})
    CHECK_FALSE(other.restore(0, saved.substr(0, cut)).ok());
}

TEST_CASE("conversations answered at once say what they say alone") {
  NEED_DEVICE();
  Model model = take(Model::load(*device, path));
  Session s = take(Session::create(model, {.slots = 5, .reproducible = true}));
  std::vector<Ids> alone(5), together(5);
  std::vector<GenerateRequest> requests;
  for (uint32_t slot = 0; slot < 5; ++slot) {
    take(s.set_tokens(slot, prompt(10 + 13 * slot, int32_t(slot))));
    GenerateRequest request{.slot = slot, .max_tokens = 6 + 3 * slot};
    if (slot % 2) request.sampler = sampling(slot);
    alone[slot] = answer(s, request);
    requests.push_back(request);
  }
  for (uint32_t slot = 0; slot < 5; ++slot) {
    s.clear(slot);
    take(s.set_tokens(slot, prompt(10 + 13 * slot, int32_t(slot))));
  }
  take(s.generate(requests, [&](uint32_t slot, int32_t token) {
    together[slot].push_back(token);
    return true;
  }));
  CHECK(together == alone);
}

TEST_CASE("stops: an id, the callback, the number of tokens, the context, cancel") {
  NEED_DEVICE();
  Model model = take(Model::load(*device, path));
  Session s = take(Session::create(model, {.context = 64}));
  take(s.set_tokens(0, prompt(20)));
  const Ids free_run = answer(s, {});
  CHECK(s.tokens(0).size() == 64);

  const auto reason = [&](const GenerateRequest& request, const Session::OnToken& on_token) {
    s.clear(0);
    take(s.set_tokens(0, prompt(20)));
    return take(s.generate(std::span(&request, 1), on_token)).front();
  };
  CHECK(reason({.stop_ids = {free_run[5]}}, {}) == StopReason::eos);
  CHECK(s.tokens(0).back() == free_run[5]);
  int seen = 0;
  CHECK(reason({}, [&](uint32_t, int32_t) { return ++seen < 3; }) == StopReason::stop);
  CHECK(s.tokens(0).size() == 23);
  CHECK(reason({.max_tokens = 4}, {}) == StopReason::length);
  CHECK(reason({}, [&](uint32_t, int32_t) {
          s.cancel();
          return true;
        }) == StopReason::cancelled);
}

TEST_CASE("a logit bias forbids tokens") {
  NEED_DEVICE();
  Model model = take(Model::load(*device, path));
  Session s = take(Session::create(model, {.logit_bias = true}));
  std::vector<float> bias(97, -INFINITY);
  bias[42] = 0;
  take(s.set_logit_bias(0, bias));
  take(s.set_tokens(0, prompt(5)));
  CHECK(answer(s, {.max_tokens = 3}) == Ids{42, 42, 42});
  take(s.set_logit_bias(0, {}));
  CHECK_FALSE(s.set_logit_bias(0, std::vector<float>(3)).ok());
}

TEST_CASE("bad requests are refused with a sentence") {
  NEED_DEVICE();
  Model model = take(Model::load(*device, path));
  CHECK_FALSE(Session::create(model, {.context = 5000}).ok());
  CHECK_FALSE(Session::create(model, {.slots = 0}).ok());
  Session s = take(Session::create(model, {.context = 32}));
  CHECK(s.set_tokens(0, prompt(33)).error().message == "the text has 33 tokens, the context holds 32.");
  CHECK_FALSE(s.set_tokens(0, {}).ok());
  CHECK_FALSE(s.set_tokens(0, Ids{1, 97}).ok());
  CHECK_FALSE(s.set_tokens(1, prompt(3)).ok());
  const GenerateRequest request{.sampler = {.greedy = false, .temperature = 0}};
  take(s.set_tokens(0, prompt(3)));
  CHECK_FALSE(s.generate(std::span(&request, 1), {}).ok());
}
