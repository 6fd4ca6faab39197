#include "runtime/ops/work_list.h"

#include <algorithm>

#include "runtime/graph/packing.h"
#include "shaders/work_list.h"

namespace lorikeet {

int64_t WorkListShape::words() const {
  const int64_t entries = int64_t(shader::kMaxConsumers) * shader::kMaxClasses * experts * shader::kEntryWords;
  const int64_t tiles = pairs() + int64_t(shader::kMaxClasses) * experts;
  return entries + pairs() + tiles * shader::kTileWords + rows * experts + experts + 1;
}

const Node* maker_of_list(const Graph& graph, const Tensor& list) {
  for (const Node& node : graph.nodes())
    if ((node.op->name == "sort_rows" || node.op->name == "route_row") && node.outputs.back().id == list.id)
      return &node;
  return nullptr;
}

WorkListShape work_list_shape(const Node& maker) {
  const int64_t share = maker.attributes.integer("share", 1), most = maker.attributes.integer("most");
  const Shape& weights = maker.outputs.size() > 1 ? maker.outputs[1].shape : maker.inputs[0].shape;
  return {weights.rows() * share, weights.columns(), share, most};
}

int64_t expert_rows(int64_t outputs, bool gated) { return padded_rows(outputs) * (gated ? 2 : 1); }

ExpertStack expert_stack(const Node& node, const DeviceProfile& profile) {
  ExpertStack stack{.weight = node.inputs[1],
                    .outputs = node.attributes.integer("outputs"),
                    .gated = node.attributes.integer("gated") != 0};
  stack.expert_rows = expert_rows(stack.outputs, stack.gated);
  const Pages split =
      pages(stack.weight.dtype, stack.weight.shape.rows(), stack.weight.shape.columns(), profile, stack.expert_rows);
  stack.page_rows = split.groups_per_page * kGroupRows;
  stack.split = stack.page_rows < stack.expert_rows && stack.page_rows < stack.weight.shape.rows();
  if (!stack.split) {
    stack.window = std::max<int64_t>(stack.page_rows / stack.expert_rows, 1);
  } else if (stack.gated) {
    stack.outputs = stack.expert_rows;
    stack.gated = false;
  }
  return stack;
}

int64_t windows_of(const ExpertStack& stack, int64_t experts) { return (experts + stack.window - 1) / stack.window; }

uint32_t list_width(const DeviceProfile& profile, uint32_t height, const ExpertStack& stack) {
  const int64_t outputs = stack.gated ? padded_rows(stack.outputs) : stack.outputs;  // with the zeros behind them
  return groups_for(outputs, cut_of_height(profile, height, stack).outputs(stack.gated));
}

ProductCut cut_of_height(const DeviceProfile& profile, uint32_t height, const ExpertStack& stack) {
  return height == 1 ? vec_cut(profile, stack.outputs, stack.gated) : tile_cut(profile);
}

// Tiles of 1, 2, 4 ... rows: a tile that is not full still costs what a full one does; so full ones of many rows have
// one of three quarters beside them. Where tiles have one height only, there are no others.
WorkListLayout::WorkListLayout(const Graph& graph, const Node& maker, const DeviceProfile& profile) {
  const WorkListShape shape = work_list_shape(maker);
  const ProductCut cut = tile_cut(profile);
  // An expert has no more rows than there are: higher tiles would be dispatches of nothing.
  const auto add = [&](uint32_t height) {
    if (heights_.empty() || int64_t(heights_.back()) < shape.rows) heights_.push_back(height);
  };
  for (uint32_t height = 1; height < cut.tokens; height *= 2)
    if (height == 1 || cut.form != "fixed") add(height);
  if (cut.tokens >= 16) add(cut.tokens / 4 * 3);
  add(cut.tokens);

  uint32_t at = 0;
  for (const Node& node : graph.nodes()) {
    if (node.op->name != "expert_matmul" || node.inputs[2].id != maker.outputs.back().id) continue;
    consumers_.push_back(&node);
    windows_.push_back(windows_of(expert_stack(node, profile), shape.experts));
    at += uint32_t(windows_.back()) * uint32_t(heights_.size()) * shader::kEntryWords;
  }
  // A list that no grouped product reads has one entry a class all the same: some drivers would write the entries of a
  // loop that no lane goes through.
  if (consumers_.empty()) at = uint32_t(heights_.size()) * shader::kEntryWords;
  rows_at_ = at;
  at += uint32_t(shape.pairs());
  for (size_t i = 0; i < heights_.size(); ++i) {
    tiles_at_.push_back(at);
    const bool full = i + 1 == heights_.size();
    at += uint32_t(full ? shape.pairs() / heights_[i] + shape.experts : shape.experts) * shader::kTileWords;
  }
  places_at_ = at;
  starts_at_ = at + uint32_t(shape.rows * shape.experts);
}

uint32_t WorkListLayout::entry_at(const Node& consumer, size_t height_class, int64_t window) const {
  int64_t entry = 0;
  for (size_t c = 0; c < consumers_.size(); ++c) {
    if (consumers_[c] == &consumer)
      return uint32_t(entry + int64_t(height_class) * windows_[c] + window) * shader::kEntryWords;
    entry += windows_[c] * int64_t(heights_.size());
  }
  return 0;
}

}  // namespace lorikeet
