#include "frontend/names/name_search.h"

#include <algorithm>
#include <cmath>

namespace lorikeet::names {
namespace {

double log_sum_exp(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double(logit) - largest);
  return largest + std::log(sum);
}

}  // namespace

NameSearch::NameSearch(const NameTrie& trie, size_t wanted) : trie_(&trie), wanted_(wanted) { open_.push({}); }

// Complete names that are likelier than every beginning left are found.
void NameSearch::settle() {
  while (!open_.empty() && found_.size() < wanted_) {
    const Beginning& best = open_.top();
    const std::vector<size_t>& things = trie_->node(best.node).things;
    if (things.empty()) return;
    found_.push_back({&things, best.log_probability});
    open_.pop();
  }
}

std::optional<std::vector<int32_t>> NameSearch::wanted() const {
  if (open_.empty() || found_.size() >= wanted_) return std::nullopt;
  std::vector<int32_t> tokens;
  for (uint32_t step = open_.top().step; step != 0; step = steps_[step].before) tokens.push_back(steps_[step].token);
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

void NameSearch::take(std::span<const float> logits) {
  const Beginning best = open_.top();
  open_.pop();
  const double sum = log_sum_exp(logits);
  for (const auto& [token, child] : trie_->node(best.node).children) {
    steps_.push_back({best.step, token});
    open_.push({best.log_probability + double(logits[size_t(token)]) - sum, child, uint32_t(steps_.size() - 1)});
  }
  settle();
}

}  // namespace lorikeet::names
