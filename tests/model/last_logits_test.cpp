// The logits after several texts that are read together, against those of each text alone.
#include <algorithm>
#include <cmath>

#include "frontend/session.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"
#include "tests/support/tiny_model.h"

namespace lorikeet::test {
namespace {

using Ids = std::vector<int32_t>;
using Floats = std::vector<float>;

Ids text_of(size_t length, size_t seed) {
  Ids ids;
  for (size_t i = 0; i < length; ++i) ids.push_back(int32_t((i * 37 + seed * 11) % 96) + 1);
  return ids;
}

template <class T>
T take(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

std::vector<Floats> together(Session& session, const std::vector<Ids>& texts) {
  std::vector<Floats> all;
  const Status status = session.last_logits(texts, [&](uint32_t text, std::span<const float> values) -> Status {
    CHECK(text == all.size());
    all.emplace_back(values.begin(), values.end());
    return Done{};
  });
  if (!status) FAIL(status.error().message);
  return all;
}

// Of the last position.
Floats alone(Session& session, uint32_t slot, const Ids& text) {
  Floats last;
  const Status status = session.logits(slot, text, [&](int64_t, std::span<const float> values) -> Status {
    const size_t vocabulary = 97;
    last.assign(values.end() - ptrdiff_t(vocabulary), values.end());
    return Done{};
  });
  if (!status) FAIL(status.error().message);
  return last;
}

bool are_close(const Floats& a, const Floats& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) { return std::abs(x - y) < 1e-4f; });
}

}  // namespace

TEST_CASE("last_logits: texts read together have the logits of each alone") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sessions");
  Model model = take(Model::load(*device, write_tiny_model("lorikeet-tiny-last")));
  std::vector<Ids> texts = {text_of(1, 1), text_of(70, 2),  text_of(300, 3),
                            text_of(2, 4), text_of(513, 5), text_of(33, 6)};
  Session session = take(Session::create(model, {.context = 600, .slots = 6}));
  Session other = take(Session::create(model, {.context = 600}));
  const std::vector<Floats> all = together(session, texts);
  REQUIRE(all.size() == texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    CHECK(are_close(all[i], alone(other, 0, texts[i])));
    CHECK(session.tokens(uint32_t(i)) == texts[i]);
  }
  CHECK(together(session, texts) == all);  // whatever was in the slots before
  CHECK(session.counts().tokens_read == 2 * 919);
  // Through the same plans: what else is in them changes no bit.
  const std::vector<Ids> long_first = {text_of(301, 7), text_of(201, 8)},
                         other_second = {text_of(301, 7), text_of(150, 9)};
  CHECK(together(session, long_first)[0] == together(session, other_second)[0]);
}

TEST_CASE("last_logits: more texts than a plan has wanted rows, and conversations that go on from there") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sessions");
  Model model = take(Model::load(*device, write_tiny_model("lorikeet-tiny-last")));
  Session session = take(Session::create(model, {.context = 64, .slots = 35}));
  std::vector<Ids> texts;
  for (size_t i = 0; i < 35; ++i) texts.push_back(text_of(1 + i % 20, i));
  const std::vector<Floats> all = together(session, texts);
  REQUIRE(all.size() == 35);
  Session other = take(Session::create(model, {.context = 64}));
  for (const size_t i : {0u, 31u, 32u, 34u}) CHECK(are_close(all[i], alone(other, 0, texts[i])));
  const GenerateRequest request{.slot = 34, .max_tokens = 1};
  int32_t next = -1;
  REQUIRE(session.generate({&request, 1}, [&](uint32_t, int32_t token) {
    next = token;
    return true;
  }));
  CHECK(next == int32_t(std::max_element(all[34].begin(), all[34].end()) - all[34].begin()));
}

TEST_CASE("last_logits: what cannot be read is a sentence") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "sessions");
  Model model = take(Model::load(*device, write_tiny_model("lorikeet-tiny-last")));
  Session session = take(Session::create(model, {.context = 8, .slots = 2}));
  const auto message = [&](const std::vector<Ids>& texts) {
    const Status status = session.last_logits(texts, [](uint32_t, std::span<const float>) { return Done{}; });
    REQUIRE(!status);
    return status.error().message;
  };
  CHECK(message({}) == "1 to 2 texts can be read at once, 0 were given.");
  CHECK(message({{1}, {2}, {3}}) == "1 to 2 texts can be read at once, 3 were given.");
  CHECK(message({{1}, {}}) == "the text has no tokens: at least one is needed.");
  CHECK(message({{1}, text_of(9, 1)}) == "the text has 9 tokens, the context holds 8.");
  CHECK(message({{97}}) == "token 97 is not in the vocabulary of 97.");
  const std::vector<Ids> texts = {text_of(4, 1), text_of(5, 2)};
  const Status stopped =
      session.last_logits(texts, [&](uint32_t, std::span<const float>) -> Status { return invalid("enough."); });
  REQUIRE(!stopped);
  CHECK(stopped.error().message == "enough.");
}

}  // namespace lorikeet::test
