#include "frontend/names/expert_map.h"

#include <cmath>

#include "frontend/dataset/random.h"

namespace lorikeet::names {
namespace {

double entropy(std::span<const double> probabilities) {
  double sum = 0;
  for (const double p : probabilities)
    if (p > 0) sum -= p * std::log2(p);
  return sum;
}

}  // namespace

void ExpertMap::add(size_t language, std::span<const float> probabilities) {
  rows_.push_back({language, {probabilities.begin(), probabilities.end()}});
}

std::vector<std::vector<double>> ExpertMap::means() const {
  const size_t experts = rows_.empty() ? 0 : rows_.front().probabilities.size();
  std::vector<std::vector<double>> means(languages_, std::vector<double>(experts));
  std::vector<double> count(languages_);
  for (const Row& row : rows_) {
    ++count[row.language];
    for (size_t e = 0; e < experts; ++e) means[row.language][e] += row.probabilities[e];
  }
  for (size_t l = 0; l < languages_; ++l)
    for (double& p : means[l]) p = count[l] > 0 ? p / count[l] : 0;
  return means;
}

double ExpertMap::information(std::span<const size_t> languages) const {
  if (rows_.empty()) return 0;
  const size_t experts = rows_.front().probabilities.size();
  std::vector<std::vector<double>> within(languages_, std::vector<double>(experts));
  std::vector<double> all(experts), count(languages_);
  const double share = 1 / double(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    count[languages[i]] += share;
    for (size_t e = 0; e < experts; ++e) {
      all[e] += share * rows_[i].probabilities[e];
      within[languages[i]][e] += share * rows_[i].probabilities[e];
    }
  }
  double left = entropy(all);
  for (size_t l = 0; l < languages_; ++l) {
    if (count[l] == 0) continue;
    for (double& p : within[l]) p /= count[l];
    left -= count[l] * entropy(within[l]);
  }
  return left;
}

double ExpertMap::information() const {
  std::vector<size_t> languages;
  for (const Row& row : rows_) languages.push_back(row.language);
  return information(languages);
}

double ExpertMap::shuffled_information(uint64_t seed, int deals) const {
  double sum = 0;
  for (int deal = 0; deal < deals; ++deal) {
    const std::vector<uint32_t> order = permutation(uint32_t(rows_.size()), seed, uint64_t(deal));
    std::vector<size_t> languages;
    for (const uint32_t i : order) languages.push_back(rows_[i].language);
    sum += information(languages);
  }
  return deals > 0 ? sum / deals : 0;
}

}  // namespace lorikeet::names
