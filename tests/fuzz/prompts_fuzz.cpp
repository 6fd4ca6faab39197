// Mutated files of prompts: each line is a prompt that can be asked, or there is one sentence.
#include <cstdio>
#include <cstdlib>

#include "frontend/prompt_file.h"
#include "tests/support/fuzz.h"

namespace lorikeet::test {
namespace {

constexpr std::string_view kLines =
    "{\"prompt\": \"the \\u00fc river\", \"adapter\": [\"a\", \"b\"], \"seed\": 7, \"id\": {\"n\": [1, null]}}\n"
    "{\"tokens\": [1, 5, 9], \"adapter\": null, \"max_tokens\": -1, \"top_k\": 3}\r\n\n"
    "{\"messages\": [{\"role\": \"user\", \"content\": \"?\"}], \"temperature\": 0.5, \"top_p\": 0.9, \"min_p\": 0.1}\n"
    "{\"prompt\": \"b\", \"stop\": [\"x\"], \"repeat_penalty\": 1.1}\n";
constexpr std::string_view kArray =
    "[{\"prompt\": \"]}\\\"\", \"adapter\": \"a\"}, {\"tokens\": [0], \"stop\": \"y\"}]";

void require(bool holds, const char* what) {
  if (holds) return;
  std::printf("FAIL: %s\n", what);
  std::abort();
}

void read(std::string_view text) {
  const auto lines = parse_prompts(text, "fuzzed.jsonl", {});
  if (!lines) return require(lines.error().message.starts_with("fuzzed.jsonl"), "an Error has no place");
  require(!lines->empty(), "no prompt and no Error");
  for (const PromptLine& line : *lines) {
    require(int(line.text.has_value()) + !line.messages.empty() + !line.tokens.empty() == 1, "a prompt has no words");
    const SamplingWishes& s = line.sampling;
    require(s.max_tokens >= -1, "max_tokens is out of range");
    require(!s.temperature || (*s.temperature >= 0 && *s.temperature <= 1e6f), "temperature is out of range");
    require(!s.top_p || (*s.top_p >= 0 && *s.top_p <= 1), "top_p is out of range");
  }
}

}  // namespace
}  // namespace lorikeet::test

int main() {
  using namespace lorikeet::test;
  const auto target = [](std::span<const std::byte> bytes) {
    read({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  return fuzz("prompts", {std::string(kLines), std::string(kArray)}, target);
}
