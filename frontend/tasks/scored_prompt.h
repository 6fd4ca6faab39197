// A question as token ids: what the model reads, and the token of each answer that it may say next.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "frontend/tasks/question_set.h"
#include "frontend/text/tokenizer.h"

namespace lorikeet::tasks {

struct ScoredPrompt {
  std::vector<int32_t> tokens;
  std::vector<int32_t> labels;  // one an answer
  bool truncated = false;
};

// Published prompts: the prompt with the tokenizer's special tokens, cut at its end to `max_tokens`; the label of an
// answer is the last token of its text, with the space before it, encoded alone. Prompts of a file's own: everything
// that all answers begin with is read too, and the label is the token in which they differ; tokens behind the first one
// are cut. Errors: unsupported if two answers of the latter kind share their label.
Result<ScoredPrompt> scored_prompt(const Tokenizer& tokenizer, const Question& question, int64_t max_tokens);

// The answer of the largest logit, the first of several: its number. `logits`: (vocabulary). NaN is never the largest.
size_t predicted(std::span<const int32_t> labels, std::span<const float> logits);

}  // namespace lorikeet::tasks
