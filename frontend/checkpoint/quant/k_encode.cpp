// Super-blocks of 256 values: writing. Each sub-block is fitted alone, then the scales are rounded to the steps that
// the super-block allows and the values are rounded again to what is really stored.
#include "frontend/checkpoint/quant/codec.h"
#include "frontend/checkpoint/quant/fit.h"
#include "frontend/checkpoint/quant/k_scales.h"

namespace lorikeet::quant {
namespace {

// q4_k and q5_k: fills scales and minima (the first 16 bytes) and returns the values in `q`.
void encode_affine(const float* values, int levels, std::byte* block, uint8_t* q) {
  Affine fits[8];
  float largest_scale = 0, largest_minimum = 0;
  for (int sub = 0; sub < 8; ++sub) {
    fits[sub] = fit_affine(values + 32 * sub, 32, levels, Minimum::not_positive);
    largest_scale = std::max(largest_scale, fits[sub].scale);
    largest_minimum = std::max(largest_minimum, -fits[sub].minimum);
  }
  const float scale = store_half(largest_scale / 63, block), minimum = store_half(largest_minimum / 63, block + 2);
  const float inverse_scale = reciprocal(scale), inverse_minimum = reciprocal(minimum);
  KScales k;
  for (int sub = 0; sub < 8; ++sub) {
    k.scale[sub] = uint8_t(nearest(fits[sub].scale * inverse_scale, 0, 63));
    k.minimum[sub] = uint8_t(nearest(-fits[sub].minimum * inverse_minimum, 0, 63));
    const float step = scale * float(k.scale[sub]), offset = minimum * float(k.minimum[sub]),
                inverse = reciprocal(step);
    for (int i = 32 * sub; i < 32 * sub + 32; ++i) q[i] = uint8_t(nearest((values[i] + offset) * inverse, 0, levels));
  }
  pack_k_scales(k, block + 4);
}

void store_nibbles(const uint8_t* q, std::byte* bytes) {
  for (int i = 0; i < 128; ++i) {
    const int first = i / 32 * 64 + i % 32;
    bytes[i] = std::byte((q[first] & 15) | (q[first + 32] & 15) << 4);
  }
}

}  // namespace

void encode_q4_k(const float* values, std::byte* block) {
  uint8_t q[256];
  encode_affine(values, 15, block, q);
  store_nibbles(q, block + 16);
}

void encode_q5_k(const float* values, std::byte* block) {
  uint8_t q[256];
  encode_affine(values, 31, block, q);
  for (int i = 0; i < 32; ++i) {
    unsigned fifth = 0;
    for (int sub = 0; sub < 8; ++sub) fifth |= unsigned(q[32 * sub + i] >> 4) << sub;
    block[16 + i] = std::byte(fifth);
  }
  store_nibbles(q, block + 48);
}

void encode_q6_k(const float* values, std::byte* block) {
  float fits[16], largest = 0;
  for (int sub = 0; sub < 16; ++sub) {
    fits[sub] = fit_scale(values + 16 * sub, 16, -32, 31);
    if (std::fabs(fits[sub]) > std::fabs(largest)) largest = fits[sub];
  }
  // The largest scale becomes -128, the end of the signed range that reaches farther.
  const float scale = store_half(largest / -128, block + 208), inverse_scale = reciprocal(scale);
  uint8_t q[256];
  for (int sub = 0; sub < 16; ++sub) {
    const int small = nearest(fits[sub] * inverse_scale, -128, 127);
    block[192 + sub] = std::byte(small);
    const float inverse = reciprocal(scale * float(small));
    for (int i = 16 * sub; i < 16 * sub + 16; ++i) q[i] = uint8_t(nearest(values[i] * inverse, -32, 31) + 32);
  }
  for (int half = 0; half < 2; ++half) {
    const uint8_t* part = q + 128 * half;
    for (int i = 0; i < 64; ++i) block[64 * half + i] = std::byte((part[i] & 15) | (part[i + 64] & 15) << 4);
    for (int i = 0; i < 32; ++i)
      block[128 + 32 * half + i] =
          std::byte(part[i] >> 4 | part[i + 32] >> 4 << 2 | part[i + 64] >> 4 << 4 | part[i + 96] >> 4 << 6);
  }
}

}  // namespace lorikeet::quant
