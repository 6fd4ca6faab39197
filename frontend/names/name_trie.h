// NameTrie: all names of a language as a tree of tokens. Plain data.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace lorikeet::names {

class NameTrie {
 public:
  NameTrie() : nodes_(1) {}

  // A name as the tokens that write it and the one that ends an answer: so no name is the beginning of another.
  void add(std::span<const int32_t> tokens, size_t thing);

  struct Node {
    std::vector<std::pair<int32_t, uint32_t>> children;  // token, number of the node
    std::vector<size_t> things;                          // whose names end here
  };
  const Node& node(uint32_t number) const { return nodes_[number]; }  // 0: nothing was said yet
  size_t size() const { return nodes_.size(); }

 private:
  std::vector<Node> nodes_;
};

}  // namespace lorikeet::names
