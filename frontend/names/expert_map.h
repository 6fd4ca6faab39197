// ExpertMap: which experts work for which language, and how much a language says about the experts.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lorikeet::names {

class ExpertMap {
 public:
  explicit ExpertMap(size_t languages) : languages_(languages) {}

  // The probabilities of the experts for one picture that was asked about in one language.
  void add(size_t language, std::span<const float> probabilities);

  bool empty() const { return rows_.empty(); }
  std::vector<std::vector<double>> means() const;  // (languages, experts)
  // Mutual information of the language and the expert, in bits: the entropy of the experts less their entropy within a
  // language. Every picture counts alike.
  double information() const;
  // The same where languages are dealt out anew to the pictures: what chance alone makes. The mean of so many deals.
  double shuffled_information(uint64_t seed, int deals = 20) const;

 private:
  struct Row {
    size_t language;
    std::vector<float> probabilities;
  };
  double information(std::span<const size_t> languages) const;

  size_t languages_;
  std::vector<Row> rows_;
};

}  // namespace lorikeet::names
