// Super-blocks of 256 values whose sub-blocks have small scales (and minima) of their own: reading.
#include "frontend/checkpoint/quant/codec.h"
#include "frontend/checkpoint/quant/k_scales.h"

namespace lorikeet::quant {

// 16 scale bytes (low nibble: scale, high nibble: minimum, of 16 values each), 64 bytes of 2-bit values, f16 scale, f16
// minimum.
void decode_q2_k(const std::byte* block, float* values) {
  const float scale = half_at(block + 80), minimum = half_at(block + 82);
  for (int i = 0; i < 256; ++i) {
    // A half of 128 values has 32 bytes, read four times: first the lowest two bits of each.
    const int byte = i / 128 * 32 + i % 32, shift = i % 128 / 32 * 2;
    const unsigned sub = byte_at(block, i / 16);
    values[i] = scale * float(sub & 15) * float(byte_at(block + 16, byte) >> shift & 3) - minimum * float(sub >> 4);
  }
}

// 32 bytes of third bits, 64 bytes of 2-bit values, 12 bytes of 6-bit scales (less 32) of 16 values each, f16 scale.
void decode_q3_k(const std::byte* block, float* values) {
  const std::byte *third = block, *quants = block + 32, *scales = block + 96;
  const float scale = half_at(block + 108);
  for (int i = 0; i < 256; ++i) {
    const int sub = i / 16;
    const unsigned low = sub < 8 ? byte_at(scales, sub) & 15 : byte_at(scales, sub - 8) >> 4;
    const unsigned high = byte_at(scales, 8 + sub % 4) >> (sub / 4 * 2) & 3;
    const int byte = i / 128 * 32 + i % 32, shift = i % 128 / 32 * 2;
    const int q = int(byte_at(quants, byte) >> shift & 3) - (byte_at(third, i % 32) >> (i / 32) & 1 ? 0 : 4);
    values[i] = scale * float(int(low | high << 4) - 32) * float(q);
  }
}

// f16 scale, f16 minimum, 12 bytes of 6-bit scales and minima of 32 values each, 128 bytes of nibbles.
void decode_q4_k(const std::byte* block, float* values) {
  const float scale = half_at(block), minimum = half_at(block + 2);
  const KScales sub = unpack_k_scales(block + 4);
  for (int i = 0; i < 256; ++i) {
    const unsigned byte = byte_at(block + 16, i / 64 * 32 + i % 32);
    const float q = float(i % 64 < 32 ? byte & 15 : byte >> 4);
    values[i] = scale * float(sub.scale[i / 32]) * q - minimum * float(sub.minimum[i / 32]);
  }
}

// As q4_k with 32 bytes of fifth bits before the nibbles.
void decode_q5_k(const std::byte* block, float* values) {
  const float scale = half_at(block), minimum = half_at(block + 2);
  const KScales sub = unpack_k_scales(block + 4);
  for (int i = 0; i < 256; ++i) {
    const unsigned byte = byte_at(block + 48, i / 64 * 32 + i % 32);
    const unsigned fifth = byte_at(block + 16, i % 32) >> (i / 32) & 1;
    const float q = float((i % 64 < 32 ? byte & 15 : byte >> 4) + 16 * fifth);
    values[i] = scale * float(sub.scale[i / 32]) * q - minimum * float(sub.minimum[i / 32]);
  }
}

// 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales of 16 values each, f16 scale.
void decode_q6_k(const std::byte* block, float* values) {
  const float scale = half_at(block + 208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, within = i % 128;
    const unsigned low_byte = byte_at(block, half * 64 + within % 64);
    const unsigned low = within < 64 ? low_byte & 15 : low_byte >> 4;
    const unsigned high = byte_at(block + 128, half * 32 + within % 32) >> (within / 32 * 2) & 3;
    values[i] = scale * float(int8_t(block[192 + i / 16])) * float(int(low | high << 4) - 32);
  }
}

}  // namespace lorikeet::quant
