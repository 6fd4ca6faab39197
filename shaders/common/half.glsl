// Products in f16: rows of x that matmul_prepare.comp made, and weights as f16.
//
// Each row of x is scaled by a power of two so that its largest magnitude is at least 0.5 and below 1, and rows are
// padded with zeros to a multiple of kHalfRows. Behind the rows lie the factors that undo the scaling, one f32 a row.
//
// The includer has included product.glsl.
#ifndef LORIKEET_COMMON_HALF_GLSL
#define LORIKEET_COMMON_HALF_GLSL
#include "shaders/matmul_prepare.h"
layout(binding = 0) readonly restrict buffer XScale { float x_scale[]; };  // the buffer of X under another type

uint padded_tokens() { return (p.tokens + kHalfRows - 1u) / kHalfRows * kHalfRows; }
float row_scale(uint token) { return x_scale[padded_tokens() * (p.x_columns / 2u) + token]; }

// The weights of columns 0-3 and 4-7 of a piece; dm is not read where SCALED is 0.
void half_piece(uint unit, uint sub, uint piece, vec2 dm, out f16vec4 a, out f16vec4 b) {
#if SCALED
  vec4 c, d;
  weight_piece(unit, sub, piece, c, d);
  a = f16vec4(fma(c, dm.xxxx, dm.yyyy));
  b = f16vec4(fma(d, dm.xxxx, dm.yyyy));
#else
  const uint at = unit + piece * 128u;
  a = f16vec4(unpackFloat2x16(load_word(at)), unpackFloat2x16(load_word(at + 32u)));
  b = f16vec4(unpackFloat2x16(load_word(at + 64u)), unpackFloat2x16(load_word(at + 96u)));
#endif
}
#endif
