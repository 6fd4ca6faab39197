#include "frontend/names/name_trie.h"

#include <algorithm>

namespace lorikeet::names {

void NameTrie::add(std::span<const int32_t> tokens, size_t thing) {
  uint32_t at = 0;
  for (const int32_t token : tokens) {
    const auto& children = nodes_[at].children;
    const auto known =
        std::find_if(children.begin(), children.end(), [token](const auto& child) { return child.first == token; });
    if (known != children.end()) {
      at = known->second;
      continue;
    }
    const uint32_t fresh = uint32_t(nodes_.size());
    nodes_[at].children.emplace_back(token, fresh);
    nodes_.emplace_back();
    at = fresh;
  }
  nodes_[at].things.push_back(thing);
}

}  // namespace lorikeet::names
