#include "frontend/multiple_choice/evaluation.h"

#include <algorithm>

#include "frontend/chat/unicode.h"
#include "frontend/multiple_choice/answer_letter.h"
#include "runtime/base/text.h"

namespace lorikeet::multiple_choice {
namespace {

constexpr int64_t kRotation = 1'000'000;

struct Verdict {
  const Question* question = nullptr;
  bool right = false;
};

// One verdict for each question that is answered in its first rotation: whether all its rotations are right.
std::vector<Verdict> circular(const std::vector<Verdict>& verdicts) {
  std::map<int64_t, bool> all_right;
  for (const Verdict& verdict : verdicts) {
    auto& right = all_right.try_emplace(verdict.question->index % kRotation, true).first->second;
    right = right && verdict.right;
  }
  std::vector<Verdict> groups;
  for (const Verdict& verdict : verdicts)
    if (verdict.question->index < kRotation) groups.push_back({verdict.question, all_right[verdict.question->index]});
  return groups;
}

void count(Accuracy& accuracy, bool right) {
  ++accuracy.of;
  accuracy.right += right;
}

std::vector<Score> scores_of(const std::string& part, const std::vector<Verdict>& verdicts) {
  std::map<std::string, Score> by_split;
  for (const auto& [question, right] : verdicts) count(by_split[question->split].vanilla, right);
  for (const auto& [question, right] : is_circular(part) ? circular(verdicts) : verdicts) {
    Score& score = by_split[question->split];
    count(score.overall, right);
    if (!question->l2_category.empty()) count(score.l2_categories[question->l2_category], right);
    if (!question->category.empty()) count(score.categories[question->category], right);
  }
  std::vector<Score> scores;
  for (auto& [split, score] : by_split) {
    score.part = part;
    score.split = split;
    scores.push_back(std::move(score));
  }
  return scores;
}

}  // namespace

bool is_circular(std::string_view part) {
  const std::string name = jinja::unicode::lower(part);
  return name.find("mmbench") != name.npos || name.find("ccbench") != name.npos;
}

Result<Evaluation> evaluate(const DataSet& data_set, const Answers& answers) {
  Evaluation evaluation{.data_set = data_set.name, .questions = data_set.questions.size()};
  std::vector<std::pair<std::string, std::vector<Verdict>>> parts;
  for (const Question& question : data_set.questions) {
    const auto answer = answers.find(question.index);
    if (answer == answers.end()) continue;
    if (parts.empty() || parts.back().first != question.part) parts.push_back({question.part, {}});
    const bool right = answer_letter(question, data_set.name, answer->second) == question.answer;
    parts.back().second.push_back({&question, right});
    ++evaluation.answered;
  }
  if (evaluation.answered == 0)
    return invalid(join("[mmmb] ", data_set.name, ": expected an answer to at least one question, given none."));
  for (const auto& [part, verdicts] : parts)
    for (Score& score : scores_of(part, verdicts)) evaluation.scores.push_back(std::move(score));
  return evaluation;
}

}  // namespace lorikeet::multiple_choice
