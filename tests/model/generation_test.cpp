// The level of text above sessions, on a tiny random model with a tokenizer of one token a byte.
#include "frontend/generation.h"

#include <cmath>

#include "frontend/dialogue.h"
#include "frontend/eval.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"
#include "tests/support/tiny_model.h"

using namespace lorikeet;

namespace {

template <class T>
T take(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

std::filesystem::path talking_model() {
  const auto path =
      test::write_tiny_model("lorikeet-tiny-generation", {.layers = 1, .hidden = 32, .vocabulary = test::kTinyTokens});
  test::write_tiny_tokenizer(path);
  return path;
}

GenerationOptions wild(int64_t max_tokens) {
  return {.sampler = {.greedy = false, .temperature = 60, .seed = 11}, .max_tokens = max_tokens, .ignore_eos = true};
}

}  // namespace

#define NEED_SESSION()                                                    \
  if (!test::test_device()) LK_SKIP(no_device, "generation");             \
  Model model = take(Model::load(*test::test_device(), talking_model())); \
  Session session = take(Session::create(model, {.context = 256}))

TEST_CASE("generation: the pieces are the text, and the text is valid UTF-8") {
  NEED_SESSION();
  Generator generator(model, session);
  std::string streamed;
  std::vector<int32_t> ids;
  const Answer answer =
      take(generator.answer(take(prompt_ids(model, "Hello")), wild(120), [&](std::string_view text, int32_t token) {
        streamed += text;
        if (token != kNoToken) ids.push_back(token);
        return true;
      }));
  CHECK(answer.text == streamed);
  CHECK(answer.token_ids == ids);
  CHECK(ids.size() == 120);
  CHECK(answer.stop_reason == StopReason::length);
  CHECK(answer.timings.generated_tokens == 120);
  CHECK(answer.prompt_token_ids == std::vector<int32_t>{'H', 'e', 'l', 'l', 'o'});
  CHECK(answer.text == model.tokenizer()->decode(ids, {.skip_special = true}));
}

TEST_CASE("generation: reasons to stop") {
  NEED_SESSION();
  Generator generator(model, session);
  const auto prompt = take(prompt_ids(model, "Hello"));
  const auto reason = [&](const GenerationOptions& options, const OnPiece& on_piece) {
    session.clear(0);
    return take(generator.answer(prompt, options, on_piece)).stop_reason;
  };
  CHECK(reason(wild(4), {}) == StopReason::length);
  CHECK(reason(wild(-1), {}) == StopReason::length);
  CHECK(reason(wild(0), {}) == StopReason::length);
  CHECK(reason(wild(20), [](std::string_view, int32_t) { return false; }) == StopReason::stop);
  CHECK(reason(wild(20), [&](std::string_view, int32_t) {
          session.cancel();
          return true;
        }) == StopReason::cancelled);
  CHECK(reason(wild(20), {}) == StopReason::length);  // an earlier cancel is forgotten
  GenerationOptions ending = wild(-1);
  ending.ignore_eos = false;
  std::vector<float> bias(test::kTinyTokens, -INFINITY);
  Session biased = take(Session::create(model, {.context = 64, .logit_bias = true}));
  bias[257] = 0;  // <|im_end|>
  REQUIRE(biased.set_logit_bias(0, bias).ok());
  Generator ended(model, biased);
  const Answer answer = take(ended.answer(prompt, ending, {}));
  CHECK(answer.stop_reason == StopReason::eos);
  CHECK(answer.token_ids == std::vector<int32_t>{257});
  CHECK(answer.text.empty());
}

TEST_CASE("dialogue: later turns read what is new; errors and reset leave no trace") {
  NEED_SESSION();
  Dialogue dialogue = take(Dialogue::create(model, session, {.system = "Be brief."}));
  GenerationOptions options{.max_tokens = 5};
  const Answer first = take(dialogue.ask("Hi", options, {}));
  CHECK(dialogue.messages().size() == 3);
  const std::string text =
      model.tokenizer()->decode(take(dialogue.prompt(dialogue.messages())), {.skip_special = false});
  CHECK(text.starts_with(
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"));
  const Answer second = take(dialogue.ask("And?", options, {}));
  CHECK(second.prompt_token_ids.size() > first.prompt_token_ids.size() + 10);
  CHECK(second.timings.prompt_tokens < second.prompt_token_ids.size() - first.prompt_token_ids.size() + 8);
  CHECK_FALSE(dialogue.ask(std::string(300, 'x'), options, {}).ok());
  CHECK(dialogue.messages().size() == 5);
  dialogue.reset();
  CHECK(dialogue.messages().size() == 1);
  CHECK(take(dialogue.ask("Hi", options, {})).token_ids == first.token_ids);
}

TEST_CASE("dialogue: without a template ChatML is used, with a wrong one there is a sentence") {
  if (!test::test_device()) LK_SKIP(no_device, "generation");
  const auto path = talking_model();
  std::filesystem::remove(path / "tokenizer_config.json");
  Model model = take(Model::load(*test::test_device(), path));
  Session session = take(Session::create(model, {.context = 256}));
  std::string said;
  Dialogue dialogue = take(Dialogue::create(model, session, {.notice = [&](const std::string& line) { said = line; }}));
  CHECK(said.find("ChatML") != std::string::npos);
  CHECK(model.tokenizer()
            ->decode(take(dialogue.prompt({{"user", "Hi"}})), {.skip_special = false})
            .find("<|im_start|>user\nHi<|im_end|>") != std::string::npos);
  CHECK_FALSE(Dialogue::create(model, session, {.chat_template = "{% for %}"}).ok());
}

TEST_CASE("perplexity: methods agree where they must, and windows are checked") {
  NEED_SESSION();
  std::vector<int32_t> ids;
  for (int i = 0; i < 200; ++i) ids.push_back(i * 31 % 256);
  const auto log_probs = take(session.log_probs(0, ids));
  double sum = 0;
  for (float value : log_probs) sum -= value;
  const Perplexity whole = take(perplexity(model, session, ids, {.window = 256, .scored = Scored::all}));
  CHECK(whole.windows == 1);
  CHECK(whole.scored == 199);
  CHECK(whole.mean_nll == Approx(sum / 199));
  const Perplexity halves = take(perplexity(model, session, ids, {.window = 64}));
  CHECK(halves.windows == 3);
  CHECK(halves.scored == 3 * 31);
  const Perplexity fresh = take(perplexity(model, session, ids, {.window = 64, .stride = 16, .scored = Scored::fresh}));
  CHECK(fresh.scored == 199);
  CHECK_FALSE(perplexity(model, session, ids, {.window = 257}).ok());
  CHECK_FALSE(perplexity(model, session, ids, {.window = 1}).ok());
  CHECK_FALSE(perplexity(model, session, std::span(ids).first(1), {}).ok());
  CHECK_FALSE(
      perplexity(model, session, ids, {.window = 64, .progress = [](uint64_t, uint64_t, double) { return false; }})
          .ok());
}
