#include "runtime/graph/recompute.h"

#include <algorithm>
#include <set>

namespace lorikeet {

// A stretch begins behind the node that makes a checkpoint.
Recomputation::Recomputation(Graph& graph, const std::vector<Node>& forward) : g_(graph), forward_(forward) {
  const std::set<int32_t> marks(graph.checkpoints().begin(), graph.checkpoints().end());
  int stretch = 0;
  for (const Node& node : forward) {
    stretch_.push_back(stretch);
    for (const Tensor& output : node.outputs) stretch += marks.contains(output.id);
  }
  entered_.assign(size_t(stretch) + 1, marks.empty());
  entered_.back() = true;  // the last one is still there when the backward pass begins
}

Tensor Recomputation::replaced(const Tensor& tensor) {
  if (!tensor) return tensor;
  if (const auto found = copies_.find(tensor.id); found != copies_.end()) return found->second;
  const GraphTensor info = g_.info(tensor);
  if (info.alias_of < 0) return tensor;
  const Tensor base = g_.tensors()[size_t(info.alias_of)].tensor, copy = replaced(base);
  if (copy.id == base.id) return tensor;
  return copies_[tensor.id] = g_.alias(copy, info);
}

Node Recomputation::again(size_t number, Tensor gradient) {
  const int stretch = stretch_[number];
  if (!entered_[size_t(stretch)]) {
    entered_[size_t(stretch)] = true;
    const std::set<int32_t> marks(g_.checkpoints().begin(), g_.checkpoints().end());
    for (size_t i = 0; i < forward_.size(); ++i) {
      const Node& node = forward_[i];
      const bool kept = node.op->saved || node.outputs.empty() ||
                        std::any_of(node.outputs.begin(), node.outputs.end(),
                                    [&](const Tensor& output) { return marks.contains(output.id); });
      if (stretch_[i] != stretch || kept) continue;
      Tensors inputs;
      for (const Tensor& input : node.inputs) inputs.push_back(replaced(input));
      g_.label("again " + node.label);
      g_.after(gradient);
      const Tensors outputs = g_.apply(*node.op, inputs, node.attributes);
      if (g_.error()) break;
      for (size_t k = 0; k < node.outputs.size(); ++k) copies_[node.outputs[k].id] = outputs[k];
      made_.push_back(outputs.front().id);
    }
  }
  Node node = forward_[number];
  for (Tensor& input : node.inputs) input = replaced(input);
  for (Tensor& output : node.outputs) output = replaced(output);
  return node;
}

void Recomputation::prune() {
  if (made_.empty() || g_.error()) return;
  const std::set<int32_t> made(made_.begin(), made_.end());
  std::set<int32_t> read;
  std::vector<Node> nodes = g_.nodes();
  std::vector<bool> dropped(nodes.size());
  const auto reads = [&](Tensor tensor) {
    for (int32_t id = tensor.id; id >= 0; id = g_.tensors()[size_t(id)].alias_of) read.insert(id);
  };
  for (size_t i = nodes.size(); i-- > 0;) {
    const Node& node = nodes[i];
    const bool wanted = std::any_of(node.outputs.begin(), node.outputs.end(),
                                    [&](const Tensor& output) { return read.contains(output.id); });
    dropped[i] = !node.outputs.empty() && made.contains(node.outputs.front().id) && !wanted;
    if (dropped[i]) continue;
    for (const Tensor& input : node.inputs)
      if (input) reads(input);
  }
  std::vector<Node> left;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (!dropped[i]) left.push_back(std::move(nodes[i]));
  g_.replace_nodes(std::move(left));
}

}  // namespace lorikeet
