// The tiny Parrot names recorded pictures: the search against every name scored on its own, and logits that go on from
// a conversation's positions.
#include <algorithm>
#include <cmath>

#include "frontend/generation.h"
#include "frontend/names/runner.h"
#include "frontend/parrot_prompt.h"
#include "frontend/viewer.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"

namespace lorikeet::test {
namespace {

using namespace names;
using Ids = std::vector<int32_t>;
using Floats = std::vector<float>;

template <class T>
T take(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

NameSet some_names() {
  return {.things = {"house", "cat", "boat", "bars", "shapes", "home", "again"},
          .languages = {{"en", "What is in this picture?", {"house", "cat", "boat", "bars", "shapes", "home", "cat"}},
                        {"tr", "Bu resimde ne var?", {"ev", "kedi", "tekne", "çubuklar", "şekiller", "yuva", "kedi"}}}};
}

std::vector<NamedPicture> some_pictures() {
  const auto folder = *shared_golden("parrot/pictures");
  return {{folder / "house_landscape.png", 0, "things", ""}, {folder / "cat_gray.png", 1, "animals", ""}};
}

double log_probability(const Floats& logits, int32_t token) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double(logit) - largest);
  return double(logits[size_t(token)]) - largest - std::log(sum);
}

Ids prompt_of(const Model& model, const std::string& question) {
  const ChatMessage asked = {.role = "user", .content = picture_question(question)};
  return take(parrot_prompt_ids(*model.tokenizer(), {&asked, 1}));
}

Ids without_pictures(Ids ids) {
  std::erase(ids, kPictureToken);
  return ids;
}

Floats next(Session& session, const Continuation& text) {
  Floats logits;
  const Status status = session.next_logits({&text, 1}, [&](uint32_t, std::span<const float> values) -> Status {
    logits.assign(values.begin(), values.end());
    return Done{};
  });
  if (!status) FAIL(status.error().message);
  return logits;
}

// A name's log probability by reading prompt and name from the begin for each of its tokens.
double score(Model& model, Session& session, const Pixels& pixels, const Ids& prompt, const Ids& name) {
  double sum = 0;
  Ids said = prompt;
  for (const int32_t token : name) {
    session.clear(0);
    REQUIRE(session.set_pictures(0, {pixels}));
    REQUIRE(session.set_tokens(0, said, without_pictures(prompt)));
    sum += log_probability(next(session, {0, int64_t(session.tokens(0).size()), {}}), token);
    said.push_back(token);
  }
  CHECK(model.config().vocabulary > 0);
  return sum;
}

}  // namespace

#define NEED_PARROT(what)                \
  Device* device = test_device();        \
  if (!device) LK_SKIP(no_device, what); \
  if (!shared_golden("parrot/model-fp32")) LK_SKIP(no_shared_goldens, "parrot")

TEST_CASE("names: the likeliest names of the tiny Parrot are those that scoring each name finds") {
  NEED_PARROT("naming");
  Model model = take(Model::load(*device, *shared_golden("parrot/model-fp32")));
  Session session = take(Session::create(model, {.context = 128, .slots = 3}));
  const NameSet set = some_names();
  const auto pictures = some_pictures();
  const auto namings = take(run(model, session, set, pictures, {.names = 4, .answer_tokens = 3}));
  REQUIRE(namings.size() == 4);
  Session other = take(Session::create(model, {.context = 128}));
  const int32_t end = *model.tokenizer()->token_to_id("<|im_end|>");
  for (const names::Naming& naming : namings) {
    const Language& language = set.languages[naming.language];
    const Ids prompt = prompt_of(model, language.question);
    const Pixels pixels =
        take(see_pixels(model, take(read_picture(pictures[naming.picture].file, {.alpha = AlphaPolicy::blend}))));
    std::vector<std::pair<double, std::string>> ranked;
    for (size_t i = 0; i + 1 < language.names.size(); ++i) {  // the last one is twice there
      Ids ids = take(model.tokenizer()->encode(language.names[i], {.parse_special = false, .add_special = false}));
      ids.push_back(end);
      ranked.emplace_back(score(model, other, pixels, prompt, ids), language.names[i]);
    }
    std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    REQUIRE(naming.names.size() == 4);
    for (size_t i = 0; i < 4; ++i) {
      CHECK(language.names[naming.names[i].things[0]] == ranked[i].second);
      CHECK(std::abs(naming.names[i].log_probability - ranked[i].first) < 1e-3);
      CHECK(naming.names[i].things.size() == (ranked[i].second == language.names[1] ? 2 : 1));
    }
    CHECK(naming.experts.size() == 6);
    CHECK_FALSE(naming.answer.empty());
    // The free answer is what a session says.
    REQUIRE(other.set_pictures(0, {pixels}));
    REQUIRE(other.set_tokens(0, prompt));
    Ids said;
    const GenerateRequest request{.slot = 0, .max_tokens = 3, .stop_ids = {end}};
    REQUIRE(other.generate({&request, 1}, [&](uint32_t, int32_t token) {
      said.push_back(token);
      return true;
    }));
    CHECK(naming.answer == model.tokenizer()->decode(said, {.skip_special = true}));
    CHECK(naming.experts == other.routings(0)[0].probabilities);
  }
}

TEST_CASE("names: pictures are routed by the question of another language if that is wished") {
  NEED_PARROT("naming");
  Model model = take(Model::load(*device, *shared_golden("parrot/model-fp32")));
  Session session = take(Session::create(model, {.context = 128, .slots = 4}));
  const NameSet set = some_names();
  const auto pictures = some_pictures();
  const RunOptions plain{.names = 1, .answer_tokens = 0}, turkish{.names = 1, .answer_tokens = 0, .route_by = 1};
  const auto own = take(run(model, session, set, pictures, plain));
  const auto other = take(run(model, session, set, pictures, turkish));
  for (size_t i = 0; i < own.size(); i += 2) {
    CHECK(own[i].experts != own[i + 1].experts);
    CHECK(other[i].experts == own[i + 1].experts);
    CHECK(other[i + 1].experts == own[i + 1].experts);
    CHECK(other[i].names[0].log_probability != own[i].names[0].log_probability);
    CHECK(other[i].answer.empty());
  }
}

TEST_CASE("names: what cannot be named is a sentence") {
  NEED_PARROT("naming");
  Model model = take(Model::load(*device, *shared_golden("parrot/model-fp32")));
  Session session = take(Session::create(model, {.context = 128}));
  const std::vector<NamedPicture> missing = {{"no-such.png", 0, "", ""}};
  const auto none = run(model, session, some_names(), missing, {});
  REQUIRE(!none);
  CHECK(none.error().message.find("no-such.png") != std::string::npos);
}

TEST_CASE("next_logits: a conversation goes on from any of its positions") {
  NEED_PARROT("sessions");
  Model model = take(Model::load(*device, *shared_golden("parrot/model-fp32")));
  Session session = take(Session::create(model, {.context = 64, .slots = 2}));
  const Ids text = {5, 9, 13, 40, 7};
  REQUIRE(session.set_tokens(0, text));
  REQUIRE(session.set_tokens(1, Ids{3, 4}));
  const std::vector<Continuation> both = {{0, 3, {21, 22}}, {1, 2, {}}};
  std::vector<Floats> together;
  REQUIRE(session.next_logits(both, [&](uint32_t, std::span<const float> values) -> Status {
    together.emplace_back(values.begin(), values.end());
    return Done{};
  }));
  REQUIRE(together.size() == 2);
  CHECK(session.tokens(0) == Ids{5, 9, 13, 21, 22});
  Session other = take(Session::create(model, {.context = 64}));
  const auto alone = [&](const Ids& ids) {
    const std::vector<Ids> one = {ids};
    Floats logits;
    REQUIRE(other.last_logits(one, [&](uint32_t, std::span<const float> values) -> Status {
      logits.assign(values.begin(), values.end());
      return Done{};
    }));
    return logits;
  };
  const auto close = [](const Floats& a, const Floats& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) { return std::abs(x - y) < 3e-4f; });
  };
  CHECK(close(together[0], alone({5, 9, 13, 21, 22})));
  CHECK(close(together[1], alone({3, 4})));
  CHECK(close(next(session, {0, 3, {}}), alone({5, 9, 13})));
  CHECK(close(next(session, {0, 3, {40, 7, 8}}), alone({5, 9, 13, 40, 7, 8})));

  const auto message = [&](const std::vector<Continuation>& texts) {
    const Status status = session.next_logits(texts, [](uint32_t, std::span<const float>) { return Status(Done{}); });
    REQUIRE(!status);
    return status.error().message;
  };
  CHECK(message({{2, 1, {}}}) == "slot 2 does not exist or is asked for twice.");
  CHECK(message({{0, 1, {}}, {0, 1, {}}}) == "slot 0 does not exist or is asked for twice.");
  CHECK(message({{1, 3, {}}}) == "slot 1 has 2 tokens, it cannot go on from 3.");
  CHECK(message({{1, 0, {1}}}) == "slot 1 has 2 tokens, it cannot go on from 0.");
  CHECK(message({{1, 2, Ids(63, 1)}}) == "the text has 65 tokens, the context holds 64.");
  CHECK(message({{1, 2, {-200}}}).find("is not in the vocabulary") != std::string::npos);
  REQUIRE(session.next_logits({}, [](uint32_t, std::span<const float>) { return Status(Done{}); }));
}

}  // namespace lorikeet::test
