#version 450
// Many rows in fp16 arithmetic: x comes as f16 rows (matmul_prepare.comp), weights are rounded to f16, and the sums of a
// block of 32 columns (q6_k: of 16) stay in f16 before they are added in f32.
//
// A lane owns a tile of RPL weight rows (gated: half of them up rows) and TN tokens, as in matmul_tile.comp. x columns: a
// multiple of 32. The last tile ends with the last token and leaves to the one before what both hold. Weights that are
// stored as f16 must stay below 2,048, or the sum of a block may overflow; those of other types are scaled to below 2.
//
// variants: WEIGHT=f16|q8_0|q4_0|q4_1|q5_0|q5_1|q4_k|q5_k|q6_k
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
layout(local_size_x_id = 0) in;
#define X_TYPE uvec4
#include "shaders/common/product.glsl"
#include "shaders/common/half.glsl"
layout(constant_id = 6) const uint TN = 8u;  // tokens a lane owns, at most p.tokens

const uint LANES = gl_WorkGroupSize.x;

// A power of two that brings the weights d q + m of a block below 2, and its inverse.
vec2 range_of(vec2 dm) {
#if SCALED
  const float largest = max(abs(dm.y), abs(fma(dm.x, LARGEST_Q, dm.y)));
  const uint exponent = clamp(floatBitsToUint(largest) >> 23, 1u, 253u);
  return uintBitsToFloat(uvec2(254u - exponent, exponent) << 23);
#else
  return vec2(1.0);
#endif
}

void main() {
  const uint first = gl_WorkGroupID.x * LANES * OUTPUTS + gl_LocalInvocationID.x;
  const uint first_token = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) * TN;
  const uint tile_token = min(first_token, p.tokens - TN);
  const uint stride = p.x_columns / 8u;
  uint row[RPL];
  float acc[RPL][TN];
  [[unroll]] for (uint c = 0u; c < RPL; ++c) {
    row[c] = row_address(first + c % OUTPUTS * LANES, c >= OUTPUTS);
    [[unroll]] for (uint t = 0u; t < TN; ++t) acc[c][t] = 0.0;
  }

  const uint blocks = p.columns / 32u;
  for (uint block = 0u; block < blocks; ++block) {
    const uint unit = block / UNIT_BLOCKS * UNIT_WORDS * 32u;
    const uint sub = block % UNIT_BLOCKS;
    for (uint scaled = 0u; scaled < 4u; scaled += SCALE_PIECES) {
      vec2 dm[RPL];
      float back[RPL];
      f16vec2 sum[RPL][TN];
      [[unroll]] for (uint c = 0u; c < RPL; ++c) {
        dm[c] = weight_scale(row[c] + unit, sub, scaled);
        const vec2 range = range_of(dm[c]);
        dm[c] *= range.x;
        back[c] = range.y;
        [[unroll]] for (uint t = 0u; t < TN; ++t) sum[c][t] = f16vec2(0.0);
      }
      [[dont_unroll]] for (uint piece = scaled; piece < scaled + SCALE_PIECES; ++piece) {
        f16vec4 a[RPL], b[RPL];
        [[unroll]] for (uint c = 0u; c < RPL; ++c) half_piece(row[c] + unit, sub, piece, dm[c], a[c], b[c]);
        [[unroll]] for (uint t = 0u; t < TN; ++t) {
          const uvec4 words = x[(tile_token + t) * stride + block * 4u + piece];
          const f16vec2 v[4] = f16vec2[4](unpackFloat2x16(words.x), unpackFloat2x16(words.y), unpackFloat2x16(words.z), unpackFloat2x16(words.w));
          [[unroll]] for (uint c = 0u; c < RPL; ++c)
            sum[c][t] = fma(b[c].zw, v[3], fma(b[c].xy, v[2], fma(a[c].zw, v[1], fma(a[c].xy, v[0], sum[c][t]))));
        }
      }
      [[unroll]] for (uint c = 0u; c < RPL; ++c) {
        [[unroll]] for (uint t = 0u; t < TN; ++t) acc[c][t] = fma(float(sum[c][t].x) + float(sum[c][t].y), back[c], acc[c][t]);
      }
    }
  }

  [[unroll]] for (uint t = 0u; t < TN; ++t) {
    const float scale = row_scale(tile_token + t);
    [[unroll]] for (uint c = 0u; c < OUTPUTS; ++c) {
      float v = acc[c][t] * scale;
      if (GATED) v = silu(v) * acc[c + RPL - OUTPUTS][t] * scale;
      if (tile_token + t >= first_token && tile_token + t < p.tokens) store(tile_token + t, first + c * LANES, v);
    }
  }
}
