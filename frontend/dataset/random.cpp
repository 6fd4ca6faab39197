#include "frontend/dataset/random.h"

#include <cstddef>
#include <numeric>
#include <utility>

namespace lorikeet {

std::vector<uint32_t> permutation(uint32_t count, uint64_t seed, uint64_t stream) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  for (uint32_t left = count; left > 1; --left) {
    const uint64_t bits = random_bits(seed, stream, left) >> 32;
    std::swap(order[left - 1], order[size_t(bits * left >> 32)]);  // below `left`; the bias is at most 2^-32 a number
  }
  return order;
}

}  // namespace lorikeet
