// The packed units of each weight type: columns and 32-bit words (runtime/graph/packing.h says where they lie,
// shaders/common/weights.glsl what they hold).
#ifndef LORIKEET_SHADERS_UNITS_H
#define LORIKEET_SHADERS_UNITS_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
const uint kF32Columns = 32u, kF32Words = 32u;
const uint kF16Columns = 32u, kF16Words = 16u;   // bf16 too
const uint kQ80Columns = 32u, kQ80Words = 9u;    // 8 words of bytes q + 128, f32 scale
const uint kQ40Columns = 64u, kQ40Words = 9u;    // 8 words of nibbles, 2 x f16 scale
const uint kQ41Columns = 32u, kQ41Words = 5u;    // 4 words of nibbles, f16 scale and minimum
const uint kQ50Columns = 64u, kQ50Words = 11u;   // 8 words of nibbles, 2 of fifth bits, 2 x f16 scale
const uint kQ51Columns = 32u, kQ51Words = 6u;    // 4 words of nibbles, 1 of fifth bits, f16 scale and minimum
const uint kQ4KColumns = 256u, kQ4KWords = 37u;  // 32 words of nibbles, 2 of scales, 2 of minima, f16 d and dmin
const uint kQ5KColumns = 256u, kQ5KWords = 45u;  // 32 words of nibbles, 8 of fifth bits, then as q4_k
const uint kQ6KColumns = 256u, kQ6KWords = 53u;  // 32 words of nibbles, 16 of upper bits, 4 of scales, f32 d
LK_PARAMS_END
#endif
