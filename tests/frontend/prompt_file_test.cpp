// Files of prompts: what they may say, and the sentence for what they must not.
#include "frontend/prompt_file.h"

#include "tests/support/catch.h"

using namespace lorikeet;

namespace {

std::vector<PromptLine> parsed(std::string_view text, const SamplingWishes& defaults = {}) {
  auto lines = parse_prompts(text, "p.jsonl", defaults);
  INFO((lines ? std::string() : lines.error().message));
  REQUIRE(lines.ok());
  return *std::move(lines);
}

std::string refused(std::string_view text) {
  const auto lines = parse_prompts(text, "p.jsonl", {});
  if (lines) return "nothing was refused";
  CHECK(lines.error().code == ErrorCode::corrupt);
  return lines.error().message;
}

}  // namespace

TEST_CASE("prompts: texts, messages and ids, lines or an array") {
  const auto lines = parsed(
      "{\"prompt\": \"Hi\", \"id\": {\"a\": 1}}\n\n{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}\r\n"
      "{\"tokens\": [1, 2, 3], \"id\": \"x\"}\n");
  REQUIRE(lines.size() == 3);
  CHECK(*lines[0].text == "Hi");
  CHECK(lines[0].id == "{\"a\":1}");
  CHECK(lines[0].where == "p.jsonl line 1");
  CHECK_FALSE(lines[0].adapters);
  REQUIRE(lines[1].messages.size() == 1);
  CHECK(lines[1].messages[0].role == "user");
  CHECK(lines[1].messages[0].content == "Hello");
  CHECK(lines[1].where == "p.jsonl line 3");
  CHECK(lines[2].tokens == std::vector<int32_t>{1, 2, 3});
  CHECK(lines[2].id == "\"x\"");
  CHECK_FALSE(lines[2].text);
  CHECK(parsed("[{\"prompt\": \"a\"},\n{\"prompt\": \"b\"}]")[1].where == "p.jsonl line 2");
}

TEST_CASE("prompts: adapters by name, none by null; sampling in place of the defaults") {
  SamplingWishes defaults;
  defaults.max_tokens = 7;
  defaults.temperature = 0.5f;
  defaults.stop = {"."};
  const auto lines = parsed(
      "{\"prompt\": \"a\", \"adapter\": \"lora\"}\n{\"prompt\": \"a\", \"adapter\": [\"x\", \"y\"]}\n"
      "{\"prompt\": \"a\", \"adapter\": null}\n{\"prompt\": \"a\", \"adapter\": []}\n"
      "{\"prompt\": \"a\", \"max_tokens\": -1, \"temperature\": 0, \"top_k\": 3, \"top_p\": 0.5, \"min_p\": 0.25,"
      " \"repeat_penalty\": 2, \"seed\": 18446744073709551615, \"stop\": [\"a\", \"b\"]}\n"
      "{\"prompt\": \"a\", \"stop\": \"end\", \"seed\": null}\n",
      defaults);
  REQUIRE(lines.size() == 6);
  CHECK(lines[0].adapters == std::vector<std::string>{"lora"});
  CHECK(lines[1].adapters == std::vector<std::string>{"x", "y"});
  CHECK(lines[2].adapters == std::vector<std::string>());
  CHECK(lines[3].adapters == std::vector<std::string>());
  CHECK(lines[0].sampling.max_tokens == 7);
  CHECK(lines[0].sampling.temperature == 0.5f);
  CHECK(lines[0].sampling.stop == std::vector<std::string>{"."});
  const SamplingWishes& all = lines[4].sampling;
  CHECK(all.max_tokens == -1);
  CHECK(all.temperature == 0.0f);
  CHECK(all.top_k == 3u);
  CHECK(all.top_p == 0.5f);
  CHECK(all.min_p == 0.25f);
  CHECK(all.repeat_penalty == 2.0f);
  CHECK(all.seed == UINT64_MAX);
  CHECK(all.stop == std::vector<std::string>{"a", "b"});
  CHECK(generation_options(all).sampler.greedy);
  CHECK(lines[5].sampling.stop == std::vector<std::string>{"end"});
  CHECK_FALSE(lines[5].sampling.seed);
}

TEST_CASE("prompts: what is wrong is a sentence with file and line") {
  const std::string after = "{\"prompt\": \"fine\"}\n";
  CHECK(refused("") == "p.jsonl: expected at least one prompt, given none.");
  CHECK(refused(after + "{}") == "p.jsonl line 2: expected one of the fields prompt, messages and tokens, given none.");
  CHECK(refused(after + "{\"prompt\": \"a\", \"tokens\": [1]}") ==
        "p.jsonl line 2: expected one of the fields prompt, messages and tokens, given several.");
  CHECK(refused("{\"prompt\": 3}") == "p.jsonl line 1: expected a text in the field prompt, given a number.");
  CHECK(refused("{\"prompt\": \"\"}") == "p.jsonl line 1: expected a text in the field prompt, given an empty one.");
  CHECK(refused("{\"prompt\": \"a\", \"max_token\": 3}").ends_with(", given \"max_token\"."));
  CHECK(refused("{\"prompt\": \"a\", \"max_tokens\": -2}").ends_with(" in the field max_tokens, given -2."));
  CHECK(refused("{\"prompt\": \"a\", \"max_tokens\": 1.5}").ends_with(" in the field max_tokens, given 1.5."));
  CHECK(refused("{\"prompt\": \"a\", \"top_p\": 0}") ==
        "p.jsonl line 1: expected a number above 0 to 1 in the field top_p, given 0.");
  CHECK(refused("{\"prompt\": \"a\", \"temperature\": \"hot\"}").ends_with(" in the field temperature, given a text."));
  CHECK(refused("{\"prompt\": \"a\", \"top_k\": 4294967296}").ends_with(" in the field top_k, given 4294967296."));
  CHECK(refused("{\"prompt\": \"a\", \"adapter\": 1}") ==
        "p.jsonl line 1: expected a text or a list of texts in the field adapter, given a number.");
  CHECK(refused("{\"prompt\": \"a\", \"stop\": [1]}") ==
        "p.jsonl line 1: expected texts in the field stop, given a number.");
  CHECK(refused("{\"tokens\": []}") == "p.jsonl line 1: expected at least one token in the field tokens, given none.");
  CHECK(refused("{\"tokens\": [-1]}") == "p.jsonl line 1: expected token ids in the field tokens, given -1.");
  CHECK(refused("{\"messages\": []}") == "p.jsonl line 1: expected at least one message, given none.");
  CHECK(refused("{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image\", \"path\": \"a.png\"}]}]}") ==
        "p.jsonl line 1: expected messages without pictures, given one with a picture.");
  CHECK(refused(after + "{\"prompt\": ").starts_with("p.jsonl line 2"));
}
