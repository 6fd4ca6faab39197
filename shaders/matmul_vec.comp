#version 450
// One row: y = x weight^T (+ bias, + residual), or silu(x gate^T) * (x up^T).
//
// A lane owns RPL weight rows, lanes of a workgroup neighbouring ones; x is read at addresses that are the same for all
// lanes. Along the columns SLICES lanes share a row (GPUs only) and are added through shared memory. Block scales are
// factored out of the sums: acc = sum over blocks of d * sum(q x) + m * sum(x). x columns: multiple of 32.
//
// variants: WEIGHT=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q4_k|q5_k|q6_k ROWS=any|8
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0, local_size_y_id = 1) in;
#define X_TYPE vec4
#ifdef ROWS_8
#define FIXED_RPL 8u
#endif
#include "shaders/common/product.glsl"

const uint LANES = gl_WorkGroupSize.x;
const uint SLICES = gl_WorkGroupSize.y;
const uint PARTS = SLICES > 1u ? LANES * SLICES * RPL : 1u;
shared float parts[PARTS];

// Code for each weight row of a lane, with c a literal.
#define FOR_ROWS(DO) \
  DO(0u) \
  if (RPL > 1u) { DO(1u) } \
  if (RPL > 2u) { DO(2u) DO(3u) } \
  if (RPL > 4u) { DO(4u) DO(5u) DO(6u) DO(7u) }

float total(vec4 a, vec4 b) {
  const vec4 s = a + b;
  return (s.x + s.y) + (s.z + s.w);
}

// Adds the slices' sums; slice 0 holds the result.
void add_slices(inout float acc[8]) {
  const uint lane = gl_LocalInvocationID.x;
  const uint slice = SLICES > 1u ? gl_LocalInvocationID.y : 0u;  // visibly uniform on one slice
#define PUT(c) parts[(slice * RPL + c) * LANES + lane] = acc[c];
  FOR_ROWS(PUT)
  barrier();
  if (slice > 0u) return;
  for (uint other = 1u; other < SLICES; ++other) {
#define ADD(c) acc[c] += parts[(other * RPL + c) * LANES + lane];
    FOR_ROWS(ADD)
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint slice = SLICES > 1u ? gl_LocalInvocationID.y : 0u;  // visibly uniform on one slice
  const uint first = gl_WorkGroupID.x * LANES * OUTPUTS + lane;
  uint row[8];
  float acc[8];
  float s[8];
#define START(c) \
  row[c] = row_address(first + c % OUTPUTS * LANES, c >= OUTPUTS); \
  acc[c] = 0.0; \
  s[c] = 0.0;
  FOR_ROWS(START)

  const uint blocks = p.columns / 32u;
  for (uint block = slice; block < blocks; block += SLICES) {
    const uint unit = block / UNIT_BLOCKS * UNIT_WORDS * 32u;
    const uint sub = block % UNIT_BLOCKS;
    float sum_x = 0.0;
#define ROW_PIECE(c) { \
      vec4 a, b; \
      weight_piece_raw(row[c] + unit, sub, piece, a, b); \
      s[c] = dot8(s[c], a, b, xa, xb); }
#define PIECE(number) { \
      const uint piece = number; \
      const uint at = block * 8u + piece * 2u; \
      vec4 xa = x[at], xb = x[at + 1u]; \
      if (SHIFTED == 1) sum_x += total(xa, xb); \
      xa *= RAW_A; \
      xb *= RAW_B; \
      FOR_ROWS(ROW_PIECE) }
#if SCALED
#define ROW_SCALE(c) { \
      const vec2 dm = weight_scale(row[c] + unit, sub, scaled_piece); \
      acc[c] = fma(dm.x, s[c], acc[c]); \
      if (SHIFTED == 1) acc[c] = fma(dm.y, sum_x, acc[c]); \
      s[c] = 0.0; }
#define SCALE(number) { const uint scaled_piece = number; FOR_ROWS(ROW_SCALE) sum_x = 0.0; }
#else
#define SCALE(number)
#endif
    PIECE(0u)
    PIECE(1u)
    if (SCALE_PIECES == 2u) { SCALE(0u) }
    PIECE(2u)
    PIECE(3u)
    SCALE(3u)
  }
#if !SCALED
#define KEEP(c) acc[c] = s[c];
  FOR_ROWS(KEEP)
#endif
  if (SLICES > 1u) add_slices(acc);
  if (slice > 0u) return;

  if (GATED) {
#define STORE_GATED(c) \
    if (c < OUTPUTS) store(0u, first + c * LANES, silu(acc[c]) * acc[(c + OUTPUTS) % 8u]);
    FOR_ROWS(STORE_GATED)
  } else {
#define STORE(c) store(0u, first + c * LANES, acc[c]);
    FOR_ROWS(STORE)
  }
}
