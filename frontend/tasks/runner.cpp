#include "frontend/tasks/runner.h"

#include <algorithm>

#include "frontend/generation.h"
#include "runtime/base/text.h"

namespace lorikeet::tasks {
namespace {

Error cancelled() { return {ErrorCode::cancelled, "[tasks] stopped before the end.", {}}; }

Prediction prediction(const ScoredPrompt& prompt, std::span<const float> logits) {
  Prediction made{.answer = predicted(prompt.labels, logits)};
  for (const int32_t label : prompt.labels) made.label_logits.push_back(logits[size_t(label)]);
  return made;
}

Result<ScoredPrompt> prompt_of(const Tokenizer& tokenizer, const Question& question, const Model& model,
                               int64_t max_tokens) {
  LK_ASSIGN(ScoredPrompt prompt, scored_prompt(tokenizer, question, max_tokens));
  for (const int32_t label : prompt.labels)
    if (label < 0 || uint32_t(label) >= model.config().vocabulary)
      return unsupported(join("[tasks] expected answers in the model's vocabulary of ", model.config().vocabulary,
                              ", given the token ", label, "."));
  return prompt;
}

}  // namespace

Result<TaskResult> run(Model& model, Session& session, const QuestionSet& set, const RunOptions& options) {
  LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model));
  TaskResult result{.task = set.task, .file = set.file};
  std::span<const Question> left = set.questions;
  const auto show = [&] {
    if (options.progress) options.progress(set.questions.size() - left.size(), set.questions.size());
  };
  const uint64_t cancels = session.cancels();
  for (show(); !left.empty(); show()) {
    if (session.cancels() != cancels) return cancelled();
    const auto group = left.first(std::min<size_t>(left.size(), session.slots()));
    std::vector<ScoredPrompt> prompts;
    std::vector<std::vector<int32_t>> texts;
    for (const Question& question : group) {
      LK_ASSIGN(ScoredPrompt prompt, prompt_of(*tokenizer, question, model, options.max_tokens));
      result.truncated += prompt.truncated;
      texts.push_back(prompt.tokens);
      prompts.push_back(std::move(prompt));
    }
    Status read = session.last_logits(texts, [&](uint32_t i, std::span<const float> logits) -> Status {
      result.predictions.push_back(prediction(prompts[i], logits));
      ++result.accuracy.of;
      result.accuracy.right += result.predictions.back().answer == group[i].right;
      return Done{};
    });
    if (!read) {
      Error& error = read.error();
      if (error.code == ErrorCode::cancelled) return cancelled();
      error.message = join("[tasks] ", group.front().where, " and those after it: ", error.message);
      return std::move(error);
    }
    left = left.subspan(group.size());
  }
  return result;
}

}  // namespace lorikeet::tasks
