// One block of each type: how it is read and written. Private to this folder.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "frontend/checkpoint/cursor.h"
#include "runtime/base/half.h"

namespace lorikeet::quant {

// `block` has layout(type).bytes bytes at any alignment, `values` layout(type).block elements.
using Decode = void (*)(const std::byte* block, float* values);
using Encode = void (*)(const float* values, std::byte* block);  // finite values

void decode_q8_0(const std::byte* block, float* values);
void decode_q4_0(const std::byte* block, float* values);
void decode_q4_1(const std::byte* block, float* values);
void decode_q5_0(const std::byte* block, float* values);
void decode_q5_1(const std::byte* block, float* values);
void decode_q2_k(const std::byte* block, float* values);
void decode_q3_k(const std::byte* block, float* values);
void decode_q4_k(const std::byte* block, float* values);
void decode_q5_k(const std::byte* block, float* values);
void decode_q6_k(const std::byte* block, float* values);
void decode_iq4_nl(const std::byte* block, float* values);
void decode_iq4_xs(const std::byte* block, float* values);
void decode_mxfp4(const std::byte* block, float* values);

void encode_q8_0(const float* values, std::byte* block);
void encode_q4_0(const float* values, std::byte* block);
void encode_q4_1(const float* values, std::byte* block);
void encode_q5_0(const float* values, std::byte* block);
void encode_q5_1(const float* values, std::byte* block);
void encode_q4_k(const float* values, std::byte* block);
void encode_q5_k(const float* values, std::byte* block);
void encode_q6_k(const float* values, std::byte* block);

inline float half_at(const std::byte* bytes) { return f16_to_f32(load<uint16_t>(bytes)); }
inline unsigned byte_at(const std::byte* bytes, size_t index) { return unsigned(bytes[index]); }

// Stores a scale as f16 and returns what a reader will see; a scale beyond the range of f16 becomes its largest value.
inline float store_half(float value, std::byte* bytes) {
  constexpr float kLargest = 65504;
  const uint16_t half = f32_to_f16(std::clamp(value, -kLargest, kLargest));
  std::memcpy(bytes, &half, 2);
  return f16_to_f32(half);
}

// The nearest whole number within [low, high], ties to even. Adding 1.5 * 2^23 rounds in the unit's own rounding mode.
inline int nearest(float value, int low, int high) {
  const float bounded = std::clamp(value, float(low), float(high));
  return int(std::bit_cast<int32_t>(bounded + 12582912.0f) - std::bit_cast<int32_t>(12582912.0f));
}

inline float reciprocal(float scale) { return scale == 0 ? 0 : 1 / scale; }

}  // namespace lorikeet::quant
