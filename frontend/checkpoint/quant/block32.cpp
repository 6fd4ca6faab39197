// Blocks of 32 values with one f16 scale, and for the types that end in _1 one f16 minimum:
// value = scale * q, or scale * q + minimum.
#include "frontend/checkpoint/quant/codec.h"
#include "frontend/checkpoint/quant/fit.h"

namespace lorikeet::quant {
namespace {

constexpr int kHalf = 16;  // byte i holds value i in its low nibble and value i + 16 in its high one

struct Pair {
  int low, high;
};

Pair nibbles(const std::byte* quants, int i) { return {int(byte_at(quants, i) & 15), int(byte_at(quants, i) >> 4)}; }

// With the fifth bits, which lie in one word.
Pair five_bits(const std::byte* quants, uint32_t fifth, int i) {
  const Pair four = nibbles(quants, i);
  return {four.low | int((fifth >> i) & 1) << 4, four.high | int((fifth >> (i + kHalf)) & 1) << 4};
}

void store_nibbles(const int* q, std::byte* quants) {
  for (int i = 0; i < kHalf; ++i) quants[i] = std::byte((q[i] & 15) | (q[i + kHalf] & 15) << 4);
}

void store_fifth_bits(const int* q, std::byte* word) {
  uint32_t fifth = 0;
  for (int i = 0; i < 2 * kHalf; ++i) fifth |= uint32_t(q[i] >> 4 & 1) << i;
  std::memcpy(word, &fifth, 4);
}

// Whole numbers 0 to 2 * centre - 1 that stand for q - centre.
void encode_centred(const float* values, int centre, std::byte* scale_bytes, int* q) {
  const float scale = store_half(fit_scale(values, 32, -centre, centre - 1), scale_bytes);
  const float inverse = reciprocal(scale);
  for (int i = 0; i < 32; ++i) q[i] = nearest(values[i] * inverse, -centre, centre - 1) + centre;
}

void encode_affine(const float* values, int levels, std::byte* scale_bytes, int* q) {
  const Affine fit = fit_affine(values, 32, levels, Minimum::any);
  const float scale = store_half(fit.scale, scale_bytes), minimum = store_half(fit.minimum, scale_bytes + 2);
  const float inverse = reciprocal(scale);
  for (int i = 0; i < 32; ++i) q[i] = nearest((values[i] - minimum) * inverse, 0, levels);
}

}  // namespace

void decode_q8_0(const std::byte* block, float* values) {
  const float scale = half_at(block);
  for (int i = 0; i < 32; ++i) values[i] = scale * float(int8_t(block[2 + i]));
}

void decode_q4_0(const std::byte* block, float* values) {
  const float scale = half_at(block);
  for (int i = 0; i < kHalf; ++i) {
    const Pair q = nibbles(block + 2, i);
    values[i] = scale * float(q.low - 8);
    values[i + kHalf] = scale * float(q.high - 8);
  }
}

void decode_q4_1(const std::byte* block, float* values) {
  const float scale = half_at(block), minimum = half_at(block + 2);
  for (int i = 0; i < kHalf; ++i) {
    const Pair q = nibbles(block + 4, i);
    values[i] = scale * float(q.low) + minimum;
    values[i + kHalf] = scale * float(q.high) + minimum;
  }
}

void decode_q5_0(const std::byte* block, float* values) {
  const float scale = half_at(block);
  const uint32_t fifth = load<uint32_t>(block + 2);
  for (int i = 0; i < kHalf; ++i) {
    const Pair q = five_bits(block + 6, fifth, i);
    values[i] = scale * float(q.low - 16);
    values[i + kHalf] = scale * float(q.high - 16);
  }
}

void decode_q5_1(const std::byte* block, float* values) {
  const float scale = half_at(block), minimum = half_at(block + 2);
  const uint32_t fifth = load<uint32_t>(block + 4);
  for (int i = 0; i < kHalf; ++i) {
    const Pair q = five_bits(block + 8, fifth, i);
    values[i] = scale * float(q.low) + minimum;
    values[i + kHalf] = scale * float(q.high) + minimum;
  }
}

void encode_q8_0(const float* values, std::byte* block) {
  float largest = 0;
  for (int i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(values[i]));
  const float inverse = reciprocal(store_half(largest / 127, block));
  for (int i = 0; i < 32; ++i) block[2 + i] = std::byte(nearest(values[i] * inverse, -127, 127));
}

void encode_q4_0(const float* values, std::byte* block) {
  int q[32];
  encode_centred(values, 8, block, q);
  store_nibbles(q, block + 2);
}

void encode_q4_1(const float* values, std::byte* block) {
  int q[32];
  encode_affine(values, 15, block, q);
  store_nibbles(q, block + 4);
}

void encode_q5_0(const float* values, std::byte* block) {
  int q[32];
  encode_centred(values, 16, block, q);
  store_fifth_bits(q, block + 2);
  store_nibbles(q, block + 6);
}

void encode_q5_1(const float* values, std::byte* block) {
  int q[32];
  encode_affine(values, 31, block, q);
  store_fifth_bits(q, block + 4);
  store_nibbles(q, block + 8);
}

}  // namespace lorikeet::quant
