// Reading packed weights of every type, for all kernels that take them.
//
// A weight is d * q + m: q a small unsigned integer (or the value itself where SCALED is 0), d and m the scale and offset of its
// block of 32 columns (q6_k: of 16). Kernels walk blocks of 32 columns and in them pieces of 8:
//   unit   address of word 0 of the row's unit: word j lies at unit + 32 j
//   sub    block in the unit, 0 .. UNIT_BLOCKS - 1
//   piece  0 .. 3: columns 8 piece .. 8 piece + 7 of the block
// A word of nibbles holds in its low nibbles columns 0-3 of a piece, in its high ones columns 4-7. Fifth and upper bits
// are laid out so that one shift and mask puts them on top of those bytes.
//
// The includer defines WEIGHT_<type> and `uint load_word(uint at)`.
#ifndef LORIKEET_COMMON_WEIGHTS_GLSL
#define LORIKEET_COMMON_WEIGHTS_GLSL
#include "shaders/units.h"

#if defined(WEIGHT_f32)
const uint UNIT_COLUMNS = kF32Columns, UNIT_WORDS = kF32Words;
#elif defined(WEIGHT_f16) || defined(WEIGHT_bf16)
const uint UNIT_COLUMNS = kF16Columns, UNIT_WORDS = kF16Words;
#elif defined(WEIGHT_q8_0)
const uint UNIT_COLUMNS = kQ80Columns, UNIT_WORDS = kQ80Words;
#elif defined(WEIGHT_q4_0)
const uint UNIT_COLUMNS = kQ40Columns, UNIT_WORDS = kQ40Words;
#elif defined(WEIGHT_q4_1)
const uint UNIT_COLUMNS = kQ41Columns, UNIT_WORDS = kQ41Words;
#elif defined(WEIGHT_q5_0)
const uint UNIT_COLUMNS = kQ50Columns, UNIT_WORDS = kQ50Words;
#elif defined(WEIGHT_q5_1)
const uint UNIT_COLUMNS = kQ51Columns, UNIT_WORDS = kQ51Words;
#elif defined(WEIGHT_q4_k)
const uint UNIT_COLUMNS = kQ4KColumns, UNIT_WORDS = kQ4KWords;
#elif defined(WEIGHT_q5_k)
const uint UNIT_COLUMNS = kQ5KColumns, UNIT_WORDS = kQ5KWords;
#elif defined(WEIGHT_q6_k)
const uint UNIT_COLUMNS = kQ6KColumns, UNIT_WORDS = kQ6KWords;
#endif
const uint UNIT_BLOCKS = UNIT_COLUMNS / 32u;

#if defined(WEIGHT_f32) || defined(WEIGHT_f16) || defined(WEIGHT_bf16)
#define SCALED 0
#else
#define SCALED 1
#endif
// Whether m differs from 0.
#if SCALED
#define SHIFTED 1
#else
#define SHIFTED 0
#endif
// Pieces that share one scale.
#if defined(WEIGHT_q6_k)
const uint SCALE_PIECES = 2u;
#else
const uint SCALE_PIECES = 4u;
#endif
#if defined(WEIGHT_q4_0) || defined(WEIGHT_q4_1) || defined(WEIGHT_q4_k)
#define NIBBLES 1
#else
#define NIBBLES 0
#endif

// The largest q.
#if defined(WEIGHT_q8_0)
const float LARGEST_Q = 255.0;
#elif NIBBLES
const float LARGEST_Q = 15.0;
#elif defined(WEIGHT_q6_k)
const float LARGEST_Q = 63.0;
#elif SCALED
const float LARGEST_Q = 31.0;
#endif

// Address of word 0 of unit 0 of a row of the bound page.
uint weight_row(uint row, uint units) { return row / 32u * units * UNIT_WORDS * 32u + row % 32u; }
uint weight_word(uint unit, uint j) { return load_word(unit + j * 32u); }

// Two f16 as f32, exactly: subnormals too, which some drivers flush in unpackHalf2x16.
vec2 half_pair(uint word) {
#ifdef TRUST_UNPACK_HALF
  return unpackHalf2x16(word);
#else
  const uvec2 half_bits = uvec2(word & 0xffffu, word >> 16);
  const uvec2 magnitude = half_bits & 0x7fffu;
  const uvec2 sign = (half_bits & 0x8000u) << 16;
  const vec2 small = vec2(ivec2(magnitude)) * 5.9604644775390625e-8;  // 2^-24
  const vec2 normal = uintBitsToFloat((magnitude << 13) + 0x38000000u);
  const vec2 value = mix(normal, small, lessThan(magnitude, uvec2(0x400u)));
  return uintBitsToFloat(floatBitsToUint(value) | sign);
#endif
}

// (d, m) of a piece. m is 0 where SHIFTED is 0; (1, 0) where SCALED is 0.
vec2 weight_scale(uint unit, uint sub, uint piece) {
#if defined(WEIGHT_q8_0)
  return uintBitsToFloat(weight_word(unit, 8u)) * vec2(1.0, -128.0);
#elif defined(WEIGHT_q4_0)
  const vec2 d = half_pair(weight_word(unit, 8u));
  return (sub == 0u ? d.x : d.y) * vec2(1.0, -8.0);
#elif defined(WEIGHT_q5_0)
  const vec2 d = half_pair(weight_word(unit, 10u));
  return (sub == 0u ? d.x : d.y) * vec2(1.0, -16.0);
#elif defined(WEIGHT_q4_1)
  return half_pair(weight_word(unit, 4u));
#elif defined(WEIGHT_q5_1)
  return half_pair(weight_word(unit, 5u));
#elif defined(WEIGHT_q4_k) || defined(WEIGHT_q5_k)
  const uint at = UNIT_WORDS - 5u;
  const uint shift = sub % 4u * 8u;
  const uint scale = (weight_word(unit, at + sub / 4u) >> shift) & 255u;
  const uint minimum = (weight_word(unit, at + 2u + sub / 4u) >> shift) & 255u;
  const vec2 d = half_pair(weight_word(unit, at + 4u));
  return vec2(d.x * float(int(scale)), -d.y * float(int(minimum)));
#elif defined(WEIGHT_q6_k)
  const uint i = sub * 2u + piece / 2u;
  const int scale = bitfieldExtract(int(weight_word(unit, 48u + i / 4u)), int(i % 4u * 8u), 8);
  const float d = uintBitsToFloat(weight_word(unit, 52u)) * float(scale);
  return vec2(d, -32.0 * d);
#else
  return vec2(1.0, 0.0);
#endif
}

#if SCALED
// q as bytes: x holds columns 0-3 of the piece, y columns 4-7.
uvec2 weight_bytes(uint unit, uint sub, uint piece) {
#if defined(WEIGHT_q8_0)
  return uvec2(weight_word(unit, piece * 2u), weight_word(unit, piece * 2u + 1u));
#else
  const uint word = weight_word(unit, sub * 4u + piece);
  uvec2 bytes = uvec2(word & 0x0f0f0f0fu, (word >> 4) & 0x0f0f0f0fu);
#if defined(WEIGHT_q5_0) || defined(WEIGHT_q5_1) || defined(WEIGHT_q5_k)
  const uint fifth = weight_word(unit, UNIT_BLOCKS * 4u + sub);
  bytes |= uvec2((fifth >> piece) & 0x01010101u, (fifth >> (piece + 4u)) & 0x01010101u) << 4;
#elif defined(WEIGHT_q6_k)
  const uint upper = weight_word(unit, 32u + sub * 2u + piece / 2u) >> (piece % 2u * 4u);
  bytes |= uvec2(upper & 0x03030303u, (upper >> 2) & 0x03030303u) << 4;
#endif
  return bytes;
#endif
}
#endif

// q of columns 0-3 and 4-7 of a piece.
void weight_piece(uint unit, uint sub, uint piece, out vec4 a, out vec4 b) {
#if defined(WEIGHT_f32)
  const uint at = unit + piece * 256u;
  a = uintBitsToFloat(uvec4(load_word(at), load_word(at + 32u), load_word(at + 64u), load_word(at + 96u)));
  b = uintBitsToFloat(uvec4(load_word(at + 128u), load_word(at + 160u), load_word(at + 192u), load_word(at + 224u)));
#elif defined(WEIGHT_f16) || defined(WEIGHT_bf16)
  const uint at = unit + piece * 128u;
  const uvec4 w = uvec4(load_word(at), load_word(at + 32u), load_word(at + 64u), load_word(at + 96u));
#if defined(WEIGHT_f16)
  a = vec4(half_pair(w.x), half_pair(w.y));
  b = vec4(half_pair(w.z), half_pair(w.w));
#else
  const uvec4 low = w << 16, high = w & 0xffff0000u;
  a = uintBitsToFloat(uvec4(low.x, high.x, low.y, high.y));
  b = uintBitsToFloat(uvec4(low.z, high.z, low.w, high.w));
#endif
#elif NIBBLES
  const uint w = weight_word(unit, sub * 4u + piece);
  a = vec4(ivec4(w & 15u, (w >> 8) & 15u, (w >> 16) & 15u, (w >> 24) & 15u));
  b = vec4(ivec4((w >> 4) & 15u, (w >> 12) & 15u, (w >> 20) & 15u, w >> 28));
#else
  const uvec2 w = weight_bytes(unit, sub, piece);
  a = vec4(ivec4(w.x & 255u, (w.x >> 8) & 255u, (w.x >> 16) & 255u, w.x >> 24));
  b = vec4(ivec4(w.y & 255u, (w.y >> 8) & 255u, (w.y >> 16) & 255u, w.y >> 24));
#endif
}

// The same values masked in place, with few shifts, for kernels that multiply x by RAW_A and RAW_B instead: the product
// of q and x is the same number. Where the top bits may be set they are shifted down: conversions are signed.
#if defined(WEIGHT_q8_0)
#define TOP_BYTE(word) (word >> 24)
#define TOP_BYTE_RAW 1.0
#else
#define TOP_BYTE(word) (word & 0xff000000u)
#define TOP_BYTE_RAW 5.9604644775390625e-8
#endif
#if SCALED
const vec4 RAW_A = vec4(1.0, 0.00390625, 1.52587890625e-5, TOP_BYTE_RAW);
#if NIBBLES
const vec4 RAW_B = vec4(0.0625, 0.000244140625, 9.5367431640625e-7, 1.0);
#else
const vec4 RAW_B = RAW_A;
#endif
void weight_piece_raw(uint unit, uint sub, uint piece, out vec4 a, out vec4 b) {
#if NIBBLES
  const uint w = weight_word(unit, sub * 4u + piece);
  a = vec4(ivec4(w & 0xfu, w & 0xf00u, w & 0xf0000u, w & 0xf000000u));
  b = vec4(ivec4(w & 0xf0u, w & 0xf000u, w & 0xf00000u, w >> 28));
#else
  const uvec2 w = weight_bytes(unit, sub, piece);
  a = vec4(ivec4(w.x & 0xffu, w.x & 0xff00u, w.x & 0xff0000u, TOP_BYTE(w.x)));
  b = vec4(ivec4(w.y & 0xffu, w.y & 0xff00u, w.y & 0xff0000u, TOP_BYTE(w.y)));
#endif
}
#else
const vec4 RAW_A = vec4(1.0);
const vec4 RAW_B = vec4(1.0);
void weight_piece_raw(uint unit, uint sub, uint piece, out vec4 a, out vec4 b) {
  weight_piece(unit, sub, piece, a, b);
}
#endif
#endif
