// Places buffers of known lifetimes in one arena, so that those alive at the same time do not overlap.
#pragma once

#include <cstdint>
#include <vector>

namespace lorikeet {

struct Lifetime {
  uint64_t bytes = 0;
  int32_t first = 0, last = 0;  // levels, inclusive
};

struct Placement {
  std::vector<uint64_t> offsets;  // one a lifetime
  uint64_t bytes = 0;             // of the arena
};

// Greedy by size: the largest first, each at the lowest offset that is free for its whole life.
Placement place(const std::vector<Lifetime>& lifetimes, uint64_t alignment);

}  // namespace lorikeet
