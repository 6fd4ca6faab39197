// Random numbers by their position: Philox 4x32-10 (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC
// 2011).
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace lorikeet {

using PhiloxBlock = std::array<uint32_t, 4>;

// Four random words for a counter and a key.
inline PhiloxBlock philox(PhiloxBlock counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t(0xd2511f53u) * counter[0], b = uint64_t(0xcd9e8d57u) * counter[2];
    counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b), uint32_t(a >> 32) ^ counter[3] ^ key[1],
               uint32_t(a)};
    key[0] += 0x9e3779b9u;
    key[1] += 0xbb67ae85u;
  }
  return counter;
}

// A stream of numbers for a seed and a name. Number i is the same whatever else is drawn, and on every machine; normal
// ones as far as its logarithm and cosine agree.
class CounterRandom {
 public:
  CounterRandom(uint64_t seed, std::string_view name) : key_{uint32_t(seed), uint32_t(seed >> 32)} {
    for (char character : name) stream_ = (stream_ ^ uint8_t(character)) * 0x100000001b3u;  // FNV-1a
  }

  // In [-bound, bound).
  float uniform(uint64_t i, float bound) const { return (float(word(i) >> 8) * 0x1p-23f - 1.0f) * bound; }

  // Mean 0; Box and Muller's cosine.
  float normal(uint64_t i, double deviation) const {
    const double u = (word(2 * i) + 0.5) * 0x1p-32, v = (word(2 * i + 1) + 0.5) * 0x1p-32;
    constexpr double kTwoPi = 6.283185307179586;
    return float(std::sqrt(-2 * std::log(u)) * std::cos(kTwoPi * v) * deviation);
  }

 private:
  uint32_t word(uint64_t i) const {
    const uint64_t block = i / 4;
    return philox({uint32_t(block), uint32_t(block >> 32), uint32_t(stream_), uint32_t(stream_ >> 32)}, key_)[i % 4];
  }

  std::array<uint32_t, 2> key_;
  uint64_t stream_ = 0xcbf29ce484222325u;
};

}  // namespace lorikeet
