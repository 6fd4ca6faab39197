#version 450
// The plain product, for every device and shape: y = x weight^T (+ bias, + residual), or silu(x gate^T) * (x up^T).
//
// A lane owns one output (two sums when gated): lane -> weight row, workgroup y and z -> token, or tile of a work list.
// Each sum runs over the columns in order. Any number of columns: x is never read past the end of its row.
//
// variants: WEIGHT=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q4_k|q5_k|q6_k
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0) in;
#define X_TYPE float
#include "shaders/common/product.glsl"
#include "shaders/common/tiles.glsl"

vec4 x4(uint at, uint column) {
  vec4 v = vec4(0.0);
  if (column < p.columns) v.x = x[at + column];
  if (column + 1u < p.columns) v.y = x[at + column + 1u];
  if (column + 2u < p.columns) v.z = x[at + column + 2u];
  if (column + 3u < p.columns) v.w = x[at + column + 3u];
  return v;
}

float add4(float s, vec4 a, vec4 v) {
  s = fma(a.x, v.x, s);
  s = fma(a.y, v.y, s);
  s = fma(a.z, v.z, s);
  return fma(a.w, v.w, s);
}

// One turn a block of 32 columns: some drivers end an invocation's loops after 65,535 turns.
float sum_of_row(uint row, uint x_row) {
  const uint blocks = (p.columns + 31u) / 32u;
  float s = 0.0;
  for (uint block = 0u; block < blocks; ++block) {
    const uint unit = row + block / UNIT_BLOCKS * UNIT_WORDS * 32u;
    const uint sub = block % UNIT_BLOCKS;
#define PIECE(piece) { \
      vec4 a, b; \
      weight_piece(unit, sub, piece, a, b); \
      if (SCALED == 1) { \
        const vec2 dm = weight_scale(unit, sub, piece); \
        a = SHIFTED == 1 ? fma(a, dm.xxxx, dm.yyyy) : a * dm.x; \
        b = SHIFTED == 1 ? fma(b, dm.xxxx, dm.yyyy) : b * dm.x; \
      } \
      s = add4(s, a, x4(x_row, block * 32u + piece * 8u)); \
      s = add4(s, b, x4(x_row, block * 32u + piece * 8u + 4u)); }
    PIECE(0u)
    PIECE(1u)
    PIECE(2u)
    PIECE(3u)
  }
  return s;
}

void main() {
  const uint output_at = gl_GlobalInvocationID.x;
  const Tile tile = GROUPED ? listed_tile() : plain_tile(1u);
  if (output_at >= p.count) return;
  for (uint t = 0u; t < tile.count; ++t) {
    const uint token = tile.first + t, x_row = GROUPED ? x_row_of(token) : token;
    float v = sum_of_row(row_address(output_at, false), x_row * p.x_columns);
    if (GATED) v = silu(v) * sum_of_row(row_address(output_at, true), x_row * p.x_columns);
    store(token, output_at, v);
  }
}
