// Mutated questions of every task, with the data set's fields and with prompts of their own: what is read is also
// scored.
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "frontend/tasks/question_set.h"
#include "frontend/tasks/scored_prompt.h"
#include "runtime/base/file.h"
#include "tests/support/fuzz.h"
#include "tests/support/golden.h"

namespace lorikeet::test {
namespace {

using namespace tasks;

constexpr std::string_view kOwn =
    "{\"instruction\": \"Is it?\\n\\nAnswer format: true/false\", \"input\": \"x\", \"output\": \"it is false\", "
    "\"answer\": \"false\"}\n";
constexpr std::string_view kLines = "Tea: A man\n2\na.\nb.\nc.\nd.\nTea: He: she\r\n0\na\nb\nc\nd\n";

void require(bool holds, const char* what) {
  if (holds) return;
  std::printf("FAIL: %s\n", what);
  std::abort();
}

std::string text_of(std::string_view name) {
  auto text = read_text(golden(name));
  require(text.ok(), "a file is missing");
  return *std::move(text);
}

void check(const Tokenizer& tokenizer, const Question& question) {
  require(question.right < question.answers.size(), "no answer is right");
  for (const int64_t longest : {int64_t(8), int64_t(512)}) {
    const auto scored = scored_prompt(tokenizer, question, longest);
    if (!scored) return require(!scored.error().message.empty(), "an Error has no message");
    require(scored->labels.size() == question.answers.size(), "an answer has no label");
    require(!scored->tokens.empty() && int64_t(scored->tokens.size()) <= longest, "a prompt has another length");
  }
}

}  // namespace
}  // namespace lorikeet::test

int main() {
  using namespace lorikeet;
  using namespace lorikeet::test;
  const std::string vocabulary = text_of("dynmole/tokenizer.json"), config = text_of("dynmole/tokenizer_config.json");
  const auto tokenizer = Tokenizer::from_json({.tokenizer_json = vocabulary, .tokenizer_config = config});
  require(tokenizer.ok(), "the tokenizer cannot be read");
  const nlohmann::json recorded = nlohmann::json::parse(text_of("dynmole/eval.json"));
  // The first character of a seed says which task it is about.
  std::vector<std::string> seeds = {"A" + std::string(kOwn), "G" + std::string(kLines)};
  for (size_t i = 0; i < all_tasks().size(); ++i)
    seeds.push_back(char('A' + i) + recorded.at(std::string(all_tasks()[i].name)).at("items")[0].at("item").dump());
  const auto target = [&](std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.empty()) return;
    const Task& task = all_tasks()[size_t(uint8_t(text[0] - 'A')) % all_tasks().size()];
    const auto set = parse_questions(task, text.substr(1), "fuzzed.jsonl", PromptTemplate::moe_peft);
    if (!set) return require(set.error().message.starts_with("[tasks] "), "an Error has no place");
    for (const Question& question : set->questions) check(*tokenizer, question);
    training_records(*set);
  };
  return fuzz("tasks", seeds, target);
}
