// Many answers at once are those that each prompt has alone.
#include "frontend/batch_answers.h"

#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"
#include "tests/support/skip.h"
#include "tests/support/tiny_model.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

struct Said {
  std::string text;
  std::vector<int32_t> tokens;
  StopReason reason;
  bool operator==(const Said&) const = default;
};
Said said_in(const Answer& answer) { return {answer.text, answer.token_ids, answer.stop_reason}; }

std::vector<Said> together(Model& model, Session& session, const std::vector<BatchPrompt>& prompts) {
  std::vector<Said> all;
  const Status status = answer_all(model, session, prompts, [&](size_t i, const Answer& answer) -> Status {
    CHECK(i == all.size());
    CHECK(answer.prompt_token_ids == prompts[i].tokens);
    CHECK(answer.timings.generated_tokens == answer.token_ids.size());
    all.push_back(said_in(answer));
    return Done{};
  });
  if (!status) FAIL(status.error().message);
  return all;
}

std::vector<Said> one_by_one(Model& model, const SessionOptions& options, const std::vector<BatchPrompt>& prompts) {
  std::vector<Said> all;
  for (const BatchPrompt& prompt : prompts) {
    Session session = need(Session::create(model, options));
    REQUIRE(session.set_adapters(0, prompt.adapters).ok());
    Generator generator(model, session);
    all.push_back(said_in(need(generator.answer(prompt.tokens, prompt.options, {}, prompt.is_text))));
  }
  return all;
}

// Answers of many lengths, greedy and sampled, some ended by a text.
std::vector<BatchPrompt> varied(const Model& model, uint32_t count, uint32_t vocabulary) {
  std::vector<BatchPrompt> prompts(count);
  for (uint32_t i = 0; i < count; ++i) {
    for (uint32_t t = 0; t < 3 + i * 7 % 23; ++t) prompts[i].tokens.push_back(int32_t((i * 31 + t * 17) % vocabulary));
    prompts[i].options.max_tokens = i == 4 ? 0 : 2 + i * 5 % 19;
    prompts[i].options.ignore_eos = i % 2 == 0;
    prompts[i].is_text = i % 3 != 0;
    if (i % 3 == 2) prompts[i].options.sampler = {.greedy = false, .temperature = 3, .repeat_penalty = 1.2f, .seed = i};
    if (i % 4 == 1 && model.tokenizer()) prompts[i].options.stop = {"e"};
  }
  return prompts;
}

}  // namespace

TEST_CASE("answers at once: those of each prompt alone, in order, with adapters", "[model][adapter][long]") {
  if (!test_device()) LK_SKIP(no_device, "batch answers");
  const auto folder = shared_golden("dynmole");
  if (!folder) LK_SKIP(no_shared_goldens, "dynmole");
  Model model = need(Model::load(*test_device(), *folder / "base"));
  const AdapterBase base = adapter_base(model.config());
  const Adapter lora = need(open_adapter(*folder / "adapters/lora", base)),
                dynmole = need(open_adapter(*folder / "adapters/dynmole", base)),
                mixlora = need(open_adapter(*folder / "adapters/mixlora", base));
  std::vector<BatchPrompt> prompts = varied(model, 14, 500);
  const std::vector<std::vector<uint32_t>> uses = {{}, {0}, {1}, {0, 1}, {2}};
  for (size_t i = 0; i < prompts.size(); ++i) prompts[i].adapters = uses[i % uses.size()];
  SessionOptions options{.context = 64, .reproducible = true, .adapters = {{&lora}, {&dynmole, 0.5}, {&mixlora}}};
  const std::vector<Said> alone = one_by_one(model, options, prompts);
  for (const uint32_t slots : {1u, 3u, 8u}) {
    INFO(slots << " at once");
    options.slots = slots;
    Session session = need(Session::create(model, options));
    CHECK(together(model, session, prompts) == alone);
    CHECK(together(model, session, prompts) == alone);  // nothing is left of the conversations of before
  }
}

TEST_CASE("answers at once: a full context ends an answer; without a tokenizer there are ids", "[model][long]") {
  if (!test_device()) LK_SKIP(no_device, "batch answers");
  Model model = need(Model::load(*test_device(), write_tiny_model("lorikeet-tiny-batch")));
  std::vector<BatchPrompt> prompts = varied(model, 9, 90);
  for (BatchPrompt& prompt : prompts)
    if (prompt.options.max_tokens > 0) prompt.options.max_tokens = -1;
  SessionOptions options{.context = 32, .reproducible = true};
  const std::vector<Said> alone = one_by_one(model, options, prompts);
  options.slots = 4;
  Session session = need(Session::create(model, options));
  CHECK(together(model, session, prompts) == alone);
  CHECK(alone.front().reason == StopReason::length);
}

TEST_CASE("answers at once: a prompt that cannot be read is said before any answer; cancel", "[model][long]") {
  if (!test_device()) LK_SKIP(no_device, "batch answers");
  Model model = need(Model::load(*test_device(), write_tiny_model("lorikeet-tiny-batch")));
  Session session = need(Session::create(model, {.context = 32, .slots = 2}));
  std::vector<BatchPrompt> prompts = varied(model, 6, 90);
  for (BatchPrompt& prompt : prompts) prompt.options.max_tokens = 12;
  size_t answers = 0;
  const auto count = [&](size_t, const Answer&) -> Status {
    ++answers;
    return Done{};
  };
  prompts[5].tokens = {1, 2, 500};
  prompts[5].where = "p.jsonl line 6";
  const Status unknown = answer_all(model, session, prompts, count);
  REQUIRE(!unknown);
  CHECK(unknown.error().message == "p.jsonl line 6: token 500 is not in the vocabulary of 97.");
  prompts[5].tokens.assign(40, 1);
  CHECK(answer_all(model, session, prompts, count).error().message ==
        "p.jsonl line 6: the text has 40 tokens, the context holds 32.");
  prompts[5].tokens = {1};
  prompts[5].adapters = {0};
  CHECK(answer_all(model, session, prompts, count).error().message ==
        "p.jsonl line 6: adapter 0 does not exist, the session has 0.");
  CHECK(answers == 0);
  prompts[5].adapters.clear();

  // What was begun ends, what was not has no answer.
  std::vector<StopReason> reasons;
  const Status stopped = answer_all(model, session, prompts, [&](size_t, const Answer& answer) -> Status {
    reasons.push_back(answer.stop_reason);
    session.cancel();
    return Done{};
  });
  CHECK(stopped.ok());
  REQUIRE(reasons.size() >= 1);
  CHECK(reasons.size() <= 3);
  CHECK(reasons.front() == StopReason::length);
  CHECK(std::all_of(reasons.begin() + 1, reasons.end(),
                    [](StopReason r) { return r == StopReason::cancelled || r == StopReason::length; }));
  CHECK(answer_all(model, session, {}, count).ok());
  const Status refused =
      answer_all(model, session, prompts, [](size_t, const Answer&) -> Status { return invalid("enough."); });
  CHECK(refused.error().message == "enough.");
}
