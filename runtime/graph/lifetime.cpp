#include "runtime/graph/lifetime.h"

#include <algorithm>
#include <numeric>

namespace lorikeet {

Placement place(const std::vector<Lifetime>& lifetimes, uint64_t alignment) {
  Placement result;
  result.offsets.assign(lifetimes.size(), 0);
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });

  std::vector<size_t> placed;  // ascending offsets
  for (size_t item : order) {
    const Lifetime& life = lifetimes[item];
    uint64_t offset = 0;
    for (size_t other : placed) {
      const Lifetime& neighbour = lifetimes[other];
      if (neighbour.last < life.first || life.last < neighbour.first) continue;
      if (offset + life.bytes <= result.offsets[other]) break;
      const uint64_t end = result.offsets[other] + neighbour.bytes;
      offset = std::max(offset, (end + alignment - 1) / alignment * alignment);
    }
    result.offsets[item] = offset;
    result.bytes = std::max(result.bytes, offset + life.bytes);
    const auto later = std::upper_bound(placed.begin(), placed.end(), offset,
                                        [&](uint64_t value, size_t p) { return value < result.offsets[p]; });
    placed.insert(later, item);
  }
  return result;
}

}  // namespace lorikeet
