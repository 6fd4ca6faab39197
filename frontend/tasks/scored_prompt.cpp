#include "frontend/tasks/scored_prompt.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/text.h"

namespace lorikeet::tasks {
namespace {

constexpr EncodeOptions kWhole{.parse_special = true, .add_special = true};

Result<ScoredPrompt> published(const Tokenizer& tokenizer, const Question& question, int64_t max_tokens) {
  ScoredPrompt scored;
  LK_ASSIGN(scored.tokens, tokenizer.encode(question.prompt, kWhole));
  scored.truncated = int64_t(scored.tokens.size()) > max_tokens;
  if (scored.truncated) scored.tokens.resize(size_t(max_tokens));
  for (const std::string& answer : question.answers) {
    LK_ASSIGN(const std::vector<int32_t> ids, tokenizer.encode(answer, kWhole));
    if (ids.empty()) return unsupported(join("[tasks] expected a token for the answer \"", answer, "\", given none."));
    scored.labels.push_back(ids.back());
  }
  return scored;
}

Result<ScoredPrompt> own(const Tokenizer& tokenizer, const Question& question, int64_t max_tokens) {
  std::vector<std::vector<int32_t>> whole;
  size_t shared = SIZE_MAX;
  for (const std::string& answer : question.answers) {
    LK_ASSIGN(std::vector<int32_t> ids, tokenizer.encode(question.prompt + answer, kWhole));
    // No text is the begin of another: the last token is left to differ in.
    shared = std::min(shared, ids.size() - 1);
    if (!whole.empty())
      shared = std::min(
          shared, size_t(std::mismatch(ids.begin(), ids.end(), whole[0].begin(), whole[0].end()).first - ids.begin()));
    whole.push_back(std::move(ids));
  }
  ScoredPrompt scored;
  scored.tokens.assign(whole[0].begin(), whole[0].begin() + ptrdiff_t(shared));
  for (size_t i = 0; i < whole.size(); ++i) {
    const int32_t label = whole[i][shared];
    const auto twin = std::find(scored.labels.begin(), scored.labels.end(), label);
    if (twin != scored.labels.end())
      return unsupported(join("[tasks] ", question.where, ": expected answers that differ in one token, given \"",
                              question.answers[size_t(twin - scored.labels.begin())], "\" and \"", question.answers[i],
                              "\"."));
    scored.labels.push_back(label);
  }
  const int64_t surplus = int64_t(scored.tokens.size()) - max_tokens;
  scored.truncated = surplus > 0;
  if (scored.truncated) scored.tokens.erase(scored.tokens.begin() + 1, scored.tokens.begin() + 1 + ptrdiff_t(surplus));
  return scored;
}

}  // namespace

Result<ScoredPrompt> scored_prompt(const Tokenizer& tokenizer, const Question& question, int64_t max_tokens) {
  if (max_tokens < 2) return invalid(join("[tasks] expected prompts of at least 2 tokens, given ", max_tokens, "."));
  LK_ASSIGN(ScoredPrompt scored,
            question.own_prompt ? own(tokenizer, question, max_tokens) : published(tokenizer, question, max_tokens));
  if (scored.tokens.empty())
    return unsupported(join("[tasks] ", question.where, ": expected a prompt of at least one token, given none."));
  return scored;
}

size_t predicted(std::span<const int32_t> labels, std::span<const float> logits) {
  size_t best = 0;
  float largest = -INFINITY;
  for (size_t i = 0; i < labels.size(); ++i) {
    const float logit = logits[size_t(labels[i])];
    if (logit > largest) {
      largest = logit;
      best = i;
    }
  }
  return best;
}

}  // namespace lorikeet::tasks
