// Types whose 4-bit values index a table: reading.
#include "frontend/checkpoint/quant/codec.h"

namespace lorikeet::quant {
namespace {

constexpr int8_t kNonLinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr int8_t kE2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};  // twice the value of the code

void look_up(const std::byte* quants, const int8_t* table, float scale, float* values) {
  for (int i = 0; i < 16; ++i) {
    values[i] = scale * float(table[byte_at(quants, i) & 15]);
    values[i + 16] = scale * float(table[byte_at(quants, i) >> 4]);
  }
}

}  // namespace

void decode_iq4_nl(const std::byte* block, float* values) { look_up(block + 2, kNonLinear, half_at(block), values); }

// f16 scale, 8 x 2 high bits, 8 x 4 low bits of the scales (less 32) of 32 values each, 128 bytes of nibbles.
void decode_iq4_xs(const std::byte* block, float* values) {
  const float scale = half_at(block);
  const unsigned high = load<uint16_t>(block + 2);
  for (int sub = 0; sub < 8; ++sub) {
    const unsigned low = byte_at(block + 4, sub / 2) >> (sub % 2 * 4) & 15;
    const int step = int(low | (high >> (2 * sub) & 3) << 4) - 32;
    look_up(block + 8 + 16 * sub, kNonLinear, scale * float(step), values + 32 * sub);
  }
}

// An exponent byte (biased by 127) and 16 bytes of e2m1 codes.
void decode_mxfp4(const std::byte* block, float* values) {
  look_up(block + 1, kE2M1, std::ldexp(1.0f, int(byte_at(block, 0)) - 128), values);
}

}  // namespace lorikeet::quant
