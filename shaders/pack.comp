#version 450
// Packs a matrix from a file's bytes (row-major GGUF blocks or plain floats) into the layout of weights.glsl.
//
// A lane writes one unit of one row: x -> row, y -> unit. Rows past the end and columns past the end become zeros. With
// head_rows the file holds each head's rows as pairs (0, h/2), (1, h/2 + 1), ...: they are put back in order.
//
// variants: WEIGHT=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q4_k|q5_k|q6_k
#extension GL_GOOGLE_include_directive : require
#include "shaders/pack.h"
layout(local_size_x = 32, local_size_y = 4) in;
layout(push_constant) uniform Params { PackParams p; };
layout(binding = 0) readonly restrict buffer Source { uint source[]; };
layout(binding = 1) writeonly restrict buffer Page { uint page[]; };

uint load_word(uint at) { return 0u; }
#include "shaders/common/weights.glsl"

// The 4, 2 or 1 bytes at a byte address that need not be aligned.
uint word_at(uint at) {
  const uint shift = at % 4u * 8u;
  uint v = source[at / 4u] >> shift;
  if (shift > 0u) v |= source[at / 4u + 1u] << (32u - shift);
  return v;
}
uint byte_at(uint at) { return (source[at / 4u] >> (at % 4u * 8u)) & 0xffu; }
uint half_at(uint at) { return at % 4u == 3u ? byte_at(at) | byte_at(at + 1u) << 8 : (source[at / 4u] >> (at % 4u * 8u)) & 0xffffu; }

// Exact, subnormals too.
uint half_to_float_bits(uint h) {
  const uint magnitude = h & 0x7fffu;
  const uint sign = (h & 0x8000u) << 16;
  if (magnitude >= 0x7c00u) return sign | 0x7f800000u | (magnitude & 0x3ffu) << 13;
  if (magnitude >= 0x400u) return sign | ((magnitude << 13) + 0x38000000u);
  return sign | floatBitsToUint(float(int(magnitude)) * 5.9604644775390625e-8);
}

uint words[UNIT_WORDS];

// 4 words of nibbles of 32 columns from 4 words whose low nibbles are columns 0-15 and high ones 16-31.
void split_block(uint to, uint from) {
  const uvec4 q = uvec4(word_at(from), word_at(from + 4u), word_at(from + 8u), word_at(from + 12u));
  words[to] = (q.x & 0x0f0f0f0fu) | (q.y & 0x0f0f0f0fu) << 4;
  words[to + 1u] = (q.z & 0x0f0f0f0fu) | (q.w & 0x0f0f0f0fu) << 4;
  words[to + 2u] = ((q.x >> 4) & 0x0f0f0f0fu) | (q.y & 0xf0f0f0f0u);
  words[to + 3u] = ((q.z >> 4) & 0x0f0f0f0fu) | (q.w & 0xf0f0f0f0u);
}

// Bit i of `bits` (column i of a block) to where weight_bytes wants it: byte i % 4, bit piece (columns 0-3 of a piece of 8)
// or piece + 4 (columns 4-7).
uint fifth_bit(uint four) { return four / 2u + four % 2u * 4u; }
uint spread_fifth(uint bits) {
  uint v = 0u;
  for (uint i = 0u; i < 8u; ++i) {
    const uint four = (bits >> (i * 4u)) & 15u;
    v |= ((four & 1u) | (four & 2u) << 7 | (four & 4u) << 14 | (four & 8u) << 21) << fifth_bit(i);
  }
  return v;
}

void zero_unit() {
  for (uint j = 0u; j < UNIT_WORDS; ++j) words[j] = 0u;
}

#if defined(WEIGHT_f32)
void read_unit(uint row, uint unit) {
  for (uint j = 0u; j < 32u; ++j) {
    const uint column = unit * 32u + j;
    words[j] = column < p.columns ? word_at(row + column * 4u) : 0u;
  }
}
#elif defined(WEIGHT_f16) || defined(WEIGHT_bf16)
void read_unit(uint row, uint unit) {
  for (uint j = 0u; j < 16u; ++j) {
    const uint column = unit * 32u + j * 2u;
    const uint low = column < p.columns ? half_at(row + column * 2u) : 0u;
    const uint high = column + 1u < p.columns ? half_at(row + column * 2u + 2u) : 0u;
    words[j] = low | high << 16;
  }
}
#elif defined(WEIGHT_q8_0)
void read_unit(uint row, uint unit) {
  const uint at = row + unit * 34u;
  for (uint j = 0u; j < 8u; ++j) words[j] = word_at(at + 2u + j * 4u) ^ 0x80808080u;
  words[8] = half_to_float_bits(half_at(at));
}
#elif defined(WEIGHT_q4_0) || defined(WEIGHT_q5_0)
const uint FIFTH_BYTES = (UNIT_WORDS - 9u) * 2u;  // 0 or 4
void read_unit(uint row, uint unit) {
  zero_unit();
  for (uint half_unit = 0u; half_unit < 2u; ++half_unit) {
    if (unit * 64u + half_unit * 32u >= p.columns) break;
    const uint at = row + (unit * 2u + half_unit) * (18u + FIFTH_BYTES);
    split_block(half_unit * 4u, at + 2u + FIFTH_BYTES);
    if (FIFTH_BYTES > 0u) words[8u + half_unit] = spread_fifth(word_at(at + 2u));
    words[UNIT_WORDS - 1u] |= half_at(at) << (half_unit * 16u);
  }
}
#elif defined(WEIGHT_q4_1) || defined(WEIGHT_q5_1)
const uint FIFTH_BYTES = (UNIT_WORDS - 5u) * 4u;  // 0 or 4
void read_unit(uint row, uint unit) {
  const uint at = row + unit * (20u + FIFTH_BYTES);
  split_block(0u, at + 4u + FIFTH_BYTES);
  if (FIFTH_BYTES > 0u) words[4] = spread_fifth(word_at(at + 4u));
  words[UNIT_WORDS - 1u] = word_at(at);
}
#elif defined(WEIGHT_q4_k) || defined(WEIGHT_q5_k)
// Block of 256: d, dmin, 12 bytes of 6-bit scales and minima, [32 bytes of fifth bits], 128 bytes of nibbles. A run of 64
// columns has its first half in the low nibbles of 32 bytes, its second half in the high ones.
const uint FIFTH_BYTES = (UNIT_WORDS - 37u) * 4u;  // 0 or 32
uint six_bits(uint at, uint i, uint minimum) {
  if (i < 4u) return byte_at(at + i + minimum * 4u) & 63u;
  const uint low = byte_at(at + i + 4u) >> (minimum * 4u) & 15u;
  return low | (byte_at(at + i - 4u + minimum * 4u) >> 6) << 4;
}
void read_unit(uint row, uint unit) {
  zero_unit();
  const uint at = row + unit * (144u + FIFTH_BYTES);
  for (uint run = 0u; run < 4u; ++run) {
    for (uint j = 0u; j < 4u; ++j) {
      const uint q0 = word_at(at + 16u + FIFTH_BYTES + run * 32u + j * 8u);
      const uint q1 = word_at(at + 16u + FIFTH_BYTES + run * 32u + j * 8u + 4u);
      words[run * 8u + j] = (q0 & 0x0f0f0f0fu) | (q1 & 0x0f0f0f0fu) << 4;
      words[run * 8u + 4u + j] = ((q0 >> 4) & 0x0f0f0f0fu) | (q1 & 0xf0f0f0f0u);
    }
  }
  if (FIFTH_BYTES > 0u) {  // bit `sub` of byte i: column i of block `sub`
    for (uint j = 0u; j < 8u; ++j) {
      const uint bytes = word_at(at + 16u + j * 4u);
      for (uint sub = 0u; sub < 8u; ++sub) words[32u + sub] |= ((bytes >> sub) & 0x01010101u) << fifth_bit(j);
    }
  }
  for (uint i = 0u; i < 8u; ++i) {
    words[UNIT_WORDS - 5u + i / 4u] |= six_bits(at + 4u, i, 0u) << (i % 4u * 8u);
    words[UNIT_WORDS - 3u + i / 4u] |= six_bits(at + 4u, i, 1u) << (i % 4u * 8u);
  }
  words[UNIT_WORDS - 1u] = word_at(at);
}
#elif defined(WEIGHT_q6_k)
// Block of 256: 128 bytes of low nibbles, 64 of upper bits, 16 scales, d. A half of 128 columns holds columns 0-63 in the
// low and 64-127 in the high nibbles of 64 bytes; byte i of its 32 bytes of upper bits serves columns i, i + 32, ...
void read_unit(uint row, uint unit) {
  zero_unit();
  const uint at = row + unit * 210u;
  for (uint half_unit = 0u; half_unit < 2u; ++half_unit) {
    for (uint j = 0u; j < 8u; ++j) {
      const uint q0 = word_at(at + half_unit * 64u + j * 8u);
      const uint q1 = word_at(at + half_unit * 64u + j * 8u + 4u);
      words[half_unit * 16u + j] = (q0 & 0x0f0f0f0fu) | (q1 & 0x0f0f0f0fu) << 4;
      words[half_unit * 16u + 8u + j] = ((q0 >> 4) & 0x0f0f0f0fu) | (q1 & 0xf0f0f0f0u);
      const uint upper = word_at(at + 128u + half_unit * 32u + j * 4u);  // columns 4 j .. 4 j + 3 of each block of 32
      for (uint block = 0u; block < 4u; ++block) {
        // word of 16 columns: pieces 2 k and 2 k + 1, each as two fields of 2 bits a byte
        words[32u + (half_unit * 4u + block) * 2u + j / 4u] |= ((upper >> (block * 2u)) & 0x03030303u) << (j % 4u * 2u);
      }
    }
  }
  for (uint j = 0u; j < 4u; ++j) words[48u + j] = word_at(at + 192u + j * 4u);
  words[52] = half_to_float_bits(half_at(at + 208u));
}
#endif

void main() {
  const uint i = gl_GlobalInvocationID.x;
  const uint unit = gl_GlobalInvocationID.y;
  if (i >= p.count || unit >= p.units) return;
  uint row = p.first + i;
  const bool present = row < p.rows;
  if (present && p.head_rows > 0u) {
    const uint in_head = row % p.head_rows;
    const uint pair = p.head_rows / 2u;
    row += in_head % pair * 2u + in_head / pair - in_head;
  }
  if (present && row >= p.source_first && row - p.source_first < p.source_rows) {
    read_unit((row - p.source_first) * p.source_row_bytes, unit);
  } else {
    zero_unit();
  }
  const uint at = weight_row(p.page_row + i, p.units) + unit * UNIT_WORDS * 32u;
  for (uint j = 0u; j < UNIT_WORDS; ++j) page[at + j * 32u] = words[j];
}
