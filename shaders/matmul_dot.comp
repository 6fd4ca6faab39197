#version 450
// Any number of rows by integer dot products: x comes as int8 blocks (kQ8BlockWords in matmul_prepare.h), weights as
// their bytes, four columns an instruction. A weight is d q + m, a value of x is e p:
//   sum of w x = d e sum(q p) + m e sum(p) for the columns that share d and m.
//
// A lane owns a tile of RPL weight rows (gated: half of them up rows) and TN tokens, as in matmul_tile.comp. Along the
// columns SLICES lanes share a tile (few tokens on GPUs) and are added through shared memory. x columns: a multiple of
// 32, at most 1,000,000. The last tile ends with the last token and leaves to the one before what both hold.
//
// variants: WEIGHT=q8_0|q4_0|q4_1|q5_0|q5_1|q4_k|q5_k|q6_k
// optional: GL_EXT_integer_dot_product came with glslang 13
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_integer_dot_product : require
layout(local_size_x_id = 0, local_size_y_id = 1) in;
#define X_TYPE uvec4
#include "shaders/common/product.glsl"
#include "shaders/matmul_prepare.h"
layout(constant_id = 6) const uint TN = 8u;  // tokens a lane owns, at most p.tokens

const uint LANES = gl_WorkGroupSize.x;
const uint SLICES = gl_WorkGroupSize.y;
const uint PARTS = SLICES > 1u ? LANES * SLICES * RPL * TN : 1u;
shared float parts[PARTS];

const uint PARTS_OF_BLOCK = 4u / SCALE_PIECES;  // that have a scale of their own
const uint PART_WORDS = 2u * SCALE_PIECES;

// q as signed bytes. Those of q8_0 are stored as q + 128: without it their offset is 0.
#ifdef WEIGHT_q8_0
const bool OFFSET = false;
ivec2 signed_bytes(uint unit, uint sub, uint piece) { return ivec2(weight_bytes(unit, sub, piece) ^ 0x80808080u); }
#else
const bool OFFSET = true;
ivec2 signed_bytes(uint unit, uint sub, uint piece) { return ivec2(weight_bytes(unit, sub, piece)); }
#endif

// Adds the slices' sums; slice 0 holds the result.
void add_slices(inout float acc[RPL][TN]) {
  const uint lane = gl_LocalInvocationID.x;
  const uint slice = gl_LocalInvocationID.y;
  [[unroll]] for (uint c = 0u; c < RPL; ++c) {
    [[unroll]] for (uint t = 0u; t < TN; ++t) parts[((slice * RPL + c) * TN + t) * LANES + lane] = acc[c][t];
  }
  barrier();
  if (slice > 0u) return;
  for (uint other = 1u; other < SLICES; ++other) {
    [[unroll]] for (uint c = 0u; c < RPL; ++c) {
      [[unroll]] for (uint t = 0u; t < TN; ++t) acc[c][t] += parts[((other * RPL + c) * TN + t) * LANES + lane];
    }
  }
}

void main() {
  const uint slice = SLICES > 1u ? gl_LocalInvocationID.y : 0u;  // one slice: visibly the same for all lanes
  const uint first = gl_WorkGroupID.x * LANES * OUTPUTS + gl_LocalInvocationID.x;
  const uint first_token = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) * TN;
  const uint tile_token = min(first_token, p.tokens - TN);
  const uint blocks = p.columns / 32u;
  uint row[RPL];
  float acc[RPL][TN];
  [[unroll]] for (uint c = 0u; c < RPL; ++c) {
    row[c] = row_address(first + c % OUTPUTS * LANES, c >= OUTPUTS);
    [[unroll]] for (uint t = 0u; t < TN; ++t) acc[c][t] = 0.0;
  }

  for (uint block = slice; block < blocks; block += SLICES) {
    const uint unit = block / UNIT_BLOCKS * UNIT_WORDS * 32u;
    const uint sub = block % UNIT_BLOCKS;
    int weights[RPL][8];
    vec2 dm[RPL][PARTS_OF_BLOCK];
    [[unroll]] for (uint c = 0u; c < RPL; ++c) {
      [[unroll]] for (uint piece = 0u; piece < 4u; ++piece) {
        const ivec2 q = signed_bytes(row[c] + unit, sub, piece);
        weights[c][piece * 2u] = q.x;
        weights[c][piece * 2u + 1u] = q.y;
      }
      [[unroll]] for (uint part = 0u; part < PARTS_OF_BLOCK; ++part) dm[c][part] = weight_scale(row[c] + unit, sub, part * SCALE_PIECES);
    }
    [[unroll]] for (uint t = 0u; t < TN; ++t) {
      const uint at = ((tile_token + t) * blocks + block) * (kQ8BlockWords / 4u);
      const uvec4 low = x[at], high = x[at + 1u];
      const vec3 scales = uintBitsToFloat(x[at + 2u].xyz);  // d, d * sum of the lower half, d * sum of the upper half
      const int v[8] = int[8](int(low.x), int(low.y), int(low.z), int(low.w), int(high.x), int(high.y), int(high.z), int(high.w));
      [[unroll]] for (uint c = 0u; c < RPL; ++c) {
        [[unroll]] for (uint part = 0u; part < PARTS_OF_BLOCK; ++part) {
          int dot = 0;
          [[unroll]] for (uint i = part * PART_WORDS; i < (part + 1u) * PART_WORDS; ++i) dot += dotPacked4x8EXT(weights[c][i], v[i]);
          acc[c][t] = fma(dm[c][part].x * scales.x, float(dot), acc[c][t]);
          const float sum = PARTS_OF_BLOCK == 1u ? scales.y + scales.z : part == 0u ? scales.y : scales.z;
          if (OFFSET) acc[c][t] = fma(dm[c][part].y, sum, acc[c][t]);
        }
      }
    }
  }
  if (SLICES > 1u) add_slices(acc);
  if (slice > 0u) return;

  [[unroll]] for (uint c = 0u; c < OUTPUTS; ++c) {
    [[unroll]] for (uint t = 0u; t < TN; ++t) {
      float v = acc[c][t];
      if (GATED) v = silu(v) * acc[c + RPL - OUTPUTS][t];
      if (tile_token + t >= first_token && tile_token + t < p.tokens) store(tile_token + t, first + c * LANES, v);
    }
  }
}
