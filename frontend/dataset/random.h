// Random numbers that depend on nothing but what they are asked for: the same on every platform, and any of them
// without those before it.
#pragma once

#include <cstdint>
#include <vector>

namespace lorikeet {

// 64 random bits: number `index` of stream `stream` of `seed`. The mixing function is that of SplitMix64 (Steele, Lea
// and Flood, 2014), applied to each of the three.
constexpr uint64_t mix_bits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
constexpr uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t index) {
  constexpr uint64_t kGamma = 0x9e3779b97f4a7c15u;
  return mix_bits(mix_bits(mix_bits(seed + kGamma) + kGamma * (stream + 1)) + kGamma * (index + 1));
}

// 0 .. count - 1 in a random order.
std::vector<uint32_t> permutation(uint32_t count, uint64_t seed, uint64_t stream);

}  // namespace lorikeet
