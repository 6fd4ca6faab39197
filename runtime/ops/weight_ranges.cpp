#include "runtime/ops/weight_ranges.h"

#include <algorithm>

#include "runtime/graph/packing.h"

namespace lorikeet {

std::vector<WeightRange> weight_ranges(const Graph& graph, const Tensor& weight, int64_t rows, bool gated,
                                       const DeviceProfile& profile) {
  const StorageRef& storage = graph.info(weight).storage;
  const int64_t stored = std::max(storage.rows, storage.first_row + weight.shape.rows());
  const int64_t page_rows =
      pages(weight.dtype, stored, weight.shape.columns(), profile, storage.block_rows).groups_per_page * kGroupRows;
  std::vector<WeightRange> ranges;
  for (int64_t first = 0; first < rows;) {
    const int64_t at = storage.first_row + first;
    const int64_t up = gated ? at + padded_rows(rows) : at;
    const int64_t count = std::min({rows - first, page_rows - at % page_rows, page_rows - up % page_rows});
    ranges.push_back({first, count, at / page_rows, at % page_rows, up / page_rows, up % page_rows});
    first += count;
  }
  return ranges;
}

}  // namespace lorikeet
