// Internal. Where the parts of a work list lie (shaders/work_list.h), and how grouped products cut its tiles:
// sort_rows or route_row, which write it, and expert_matmul and expert_combine, which read it, must agree.
#pragma once

#include <vector>

#include "runtime/graph/graph.h"
#include "runtime/ops/product.h"

namespace lorikeet {

// The numbers of a sort_rows node.
struct WorkListShape {
  int64_t rows = 0, experts = 0;
  int64_t share = 1;  // rows of x that share a row of the routing weights
  int64_t most = 0;   // experts that a row may choose

  int64_t pairs() const { return rows * most; }
  int64_t words() const;  // of the list, on any device
};

// The node that makes a list, sort_rows or route_row; null if there is none. The list is its last output.
const Node* maker_of_list(const Graph& graph, const Tensor& list);
WorkListShape work_list_shape(const Node& maker);

// A stack of experts as expert_matmul reads it.
struct ExpertStack {
  Tensor weight;            // (experts * expert_rows, columns)
  int64_t outputs = 0;      // of an expert
  bool gated = false;       // an expert is gate rows, padded to 32, then up rows
  int64_t expert_rows = 0;  // padded
  int64_t page_rows = 0;
  int64_t window = 1;  // experts of a page
  bool split = false;  // a page holds no whole expert: its rows are done page by page, and gated afterwards
};
int64_t expert_rows(int64_t outputs, bool gated);
ExpertStack expert_stack(const Node& expert_matmul, const DeviceProfile& profile);

class WorkListLayout {
 public:
  WorkListLayout(const Graph& graph, const Node& maker, const DeviceProfile& profile);

  const std::vector<uint32_t>& heights() const { return heights_; }         // rows of a tile by class, ascending
  const std::vector<const Node*>& consumers() const { return consumers_; }  // its grouped products, in order
  uint32_t entry_at(const Node& consumer, size_t height_class, int64_t window) const;  // word offsets
  uint32_t rows_at() const { return rows_at_; }
  uint32_t tiles_at(size_t height_class) const { return tiles_at_[height_class]; }
  uint32_t places_at() const { return places_at_; }
  uint32_t starts_at() const { return starts_at_; }

 private:
  std::vector<uint32_t> heights_;
  std::vector<const Node*> consumers_;
  std::vector<int64_t> windows_;  // by consumer
  std::vector<uint32_t> tiles_at_;
  uint32_t rows_at_ = 0, places_at_ = 0, starts_at_ = 0;
};

// Number of windows of experts of a stack.
int64_t windows_of(const ExpertStack& stack, int64_t experts);
// Workgroups along the outputs of a product with tiles of one height.
uint32_t list_width(const DeviceProfile& profile, uint32_t height, const ExpertStack& stack);
// How the kernel for tiles of one height cuts an expert's outputs.
ProductCut cut_of_height(const DeviceProfile& profile, uint32_t height, const ExpertStack& stack);

}  // namespace lorikeet
