// NameSearch: the likeliest names of a trie, best first. It asks for the logits behind the likeliest beginning that it
// knows, and ends when enough names are complete: then no other name is likelier than these.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "frontend/names/name_trie.h"

namespace lorikeet::names {

struct FoundName {
  const std::vector<size_t>* things = nullptr;  // of the trie: those that have this name
  double log_probability = 0;
};

class NameSearch {
 public:
  // The trie must outlive it.
  NameSearch(const NameTrie& trie, size_t wanted);

  // The tokens behind which logits are wanted, empty at first; nothing when the search is over.
  std::optional<std::vector<int32_t>> wanted() const;
  // Those logits, (vocabulary).
  void take(std::span<const float> logits);
  const std::vector<FoundName>& found() const { return found_; }  // the likeliest first

 private:
  struct Beginning {
    double log_probability = 0;
    uint32_t node = 0;
    uint32_t step = 0;  // number in `steps_`
    bool operator<(const Beginning& other) const {
      if (log_probability != other.log_probability) return log_probability < other.log_probability;
      return node > other.node;  // of equals the one that was added first
    }
  };
  struct Step {
    uint32_t before = 0;
    int32_t token = 0;
  };
  void settle();

  const NameTrie* trie_;
  size_t wanted_;
  std::priority_queue<Beginning> open_;
  std::vector<Step> steps_ = {{}};  // the first is before all tokens
  std::vector<FoundName> found_;
};

}  // namespace lorikeet::names
