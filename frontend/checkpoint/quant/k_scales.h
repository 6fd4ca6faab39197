// The 12 bytes that hold eight 6-bit scales and eight 6-bit minima of q4_k and q5_k. Private to this folder.
#pragma once

#include "frontend/checkpoint/quant/codec.h"

namespace lorikeet::quant {

struct KScales {
  uint8_t scale[8], minimum[8];
};

// Bytes 0-3 and 4-7: scales and minima 0-3 in the low six bits, the top two bits of number 4-7 above them.
// Bytes 8-11: the low nibbles of scales and minima 4-7.
inline KScales unpack_k_scales(const std::byte* bytes) {
  KScales k;
  for (int i = 0; i < 4; ++i) {
    const unsigned scale = byte_at(bytes, i), minimum = byte_at(bytes, i + 4), low = byte_at(bytes, i + 8);
    k.scale[i] = uint8_t(scale & 63);
    k.minimum[i] = uint8_t(minimum & 63);
    k.scale[i + 4] = uint8_t((low & 15) | (scale >> 6) << 4);
    k.minimum[i + 4] = uint8_t((low >> 4) | (minimum >> 6) << 4);
  }
  return k;
}

inline void pack_k_scales(const KScales& k, std::byte* bytes) {
  for (int i = 0; i < 4; ++i) {
    bytes[i] = std::byte(k.scale[i] | (k.scale[i + 4] >> 4) << 6);
    bytes[i + 4] = std::byte(k.minimum[i] | (k.minimum[i + 4] >> 4) << 6);
    bytes[i + 8] = std::byte((k.scale[i + 4] & 15) | (k.minimum[i + 4] & 15) << 4);
  }
}

}  // namespace lorikeet::quant
