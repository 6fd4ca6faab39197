// Internal to runtime/graph. The forward nodes of a stretch between two checkpoints once more, for a backward pass that
// has not kept their results.
#pragma once

#include <map>
#include <vector>

#include "runtime/graph/graph.h"

namespace lorikeet {

class Recomputation {
 public:
  // `forward`: the nodes of the graph before any gradient.
  Recomputation(Graph& graph, const std::vector<Node>& forward);

  // The node with what it reads and makes replaced by what has been computed again. When the backward pass enters a
  // stretch, its nodes are appended; they wait until `gradient` is made, so that the memory of later stretches is free
  // by then.
  Node again(size_t node, Tensor gradient);
  // Takes out those nodes that nobody reads in the end.
  void prune();

 private:
  Tensor replaced(const Tensor& tensor);

  Graph& g_;
  const std::vector<Node>& forward_;
  std::vector<int> stretch_;          // by node
  std::vector<bool> entered_;         // by stretch
  std::map<int32_t, Tensor> copies_;  // by tensor
  std::vector<int32_t> made_;         // first outputs of the appended nodes
};

}  // namespace lorikeet
