// Which rows of a weight lie in which page of its storage: products and look-ups do one dispatch a range.
#pragma once

#include <vector>

#include "runtime/graph/graph.h"

namespace lorikeet {

struct WeightRange {
  int64_t first = 0, count = 0;     // rows of the tensor (gate rows when gated)
  int64_t page = 0, row = 0;        // where `first` lies: page, and row in it (a multiple of 32)
  int64_t up_page = 0, up_row = 0;  // gated: where the matching up row lies; otherwise the same
};

// Ranges of rows 0 .. rows - 1 of the weight, cut where a page ends. When `gated`, the up rows begin at the tensor's
// row padded_rows(rows), and ranges are also cut where their pages end.
std::vector<WeightRange> weight_ranges(const Graph& graph, const Tensor& weight, int64_t rows, bool gated,
                                       const DeviceProfile& profile);

}  // namespace lorikeet
