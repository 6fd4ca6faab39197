#version 450
// The input of a product made ready: rows padded with zeros to a multiple of 32 columns and, with NORM, normed (rms):
// y = x / sqrt(mean(x^2) + eps) * norm. A workgroup of 64 lanes a row.
//   f32  as they are
//   q8   each block of 32 columns as int8 with a scale (kQ8BlockWords in matmul_prepare.h); a lane makes a whole block
//   f16  each row scaled to below 1, and a factor a row that undoes it (common/half.glsl)
//
// variants: OUT=f32|q8|f16
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/matmul_prepare.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { MatmulPrepareParams p; };
layout(binding = 0) readonly restrict buffer X { float x[]; };
layout(binding = 1) readonly restrict buffer Norm { float norm[]; };
#ifdef OUT_f32
layout(binding = 2) writeonly restrict buffer Y { float y[]; };
#else
layout(binding = 2) writeonly restrict buffer Y { uint y[]; };
#endif
layout(constant_id = 0) const bool NORM = false;

shared float parts[64];

float value(uint x_row, uint column, float factor) {
  if (column >= p.columns) return 0.0;
  return NORM ? x[x_row + column] * factor * norm[p.norm_at + column] : x[x_row + column];
}

float factor_of_row(uint x_row) {
  const uint lane = gl_LocalInvocationID.x;
  float square = 0.0;
  for (uint i = lane; i < p.columns; i += 64u) square = fma(x[x_row + i], x[x_row + i], square);
  parts[lane] = square;
  barrier();
  for (uint half_lanes = 32u; half_lanes > 0u; half_lanes /= 2u) {
    if (lane < half_lanes) parts[lane] += parts[lane + half_lanes];
    barrier();
  }
  return inversesqrt(parts[0] / float(p.columns) + p.eps);
}

#ifdef OUT_q8
// Columns 16 at .. 16 at + 15 of the row as four words; returns d * the sum of q.
float pack_half(float v[32], uint at, float d, float inverse, uint to) {
  int sum = 0;
  [[unroll]] for (uint word = 0u; word < 4u; ++word) {
    uint packed = 0u;
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
      const int q = int(roundEven(v[at * 16u + word * 4u + i] * inverse));
      sum += q;
      packed |= uint(q & 255) << (i * 8u);
    }
    y[to + at * 4u + word] = packed;
  }
  return d * float(sum);
}

void pack_block(uint x_row, uint block, float factor, uint to) {
  float v[32];
  float largest = 0.0;
  [[unroll]] for (uint i = 0u; i < 32u; ++i) {
    v[i] = value(x_row, block * 32u + i, factor);
    largest = max(largest, abs(v[i]));
  }
  const float d = largest / 127.0;
  const float inverse = d > 1e-37 ? 1.0 / d : 0.0;  // blocks that small become zeros: their inverse is no number
  const float low = pack_half(v, 0u, d, inverse, to);
  const float high = pack_half(v, 1u, d, inverse, to);
  y[to + 8u] = floatBitsToUint(d);
  y[to + 9u] = floatBitsToUint(low);
  y[to + 10u] = floatBitsToUint(high);
}
#endif

#ifdef OUT_f16
float largest_of_row(uint x_row, float factor) {
  const uint lane = gl_LocalInvocationID.x;
  float largest = 0.0;
  for (uint i = lane; i < p.columns; i += 64u) largest = max(largest, abs(value(x_row, i, factor)));
  barrier();  // the factor has been read
  parts[lane] = largest;
  barrier();
  for (uint half_lanes = 32u; half_lanes > 0u; half_lanes /= 2u) {
    if (lane < half_lanes) parts[lane] = max(parts[lane], parts[lane + half_lanes]);
    barrier();
  }
  return parts[0];
}

void pack_row(uint token, uint padded_tokens, float factor) {
  const uint x_row = token * p.columns, words = p.padded_columns / 2u;
  const bool real = token < p.tokens;  // the rows below are zeros
  const uint exponent = clamp(floatBitsToUint(real ? largest_of_row(x_row, factor) : 0.0) >> 23, 1u, 252u);
  const float down = uintBitsToFloat((253u - exponent) << 23), back = uintBitsToFloat((exponent + 1u) << 23);
  for (uint i = gl_LocalInvocationID.x; i < words; i += 64u) {
    const vec2 pair = real ? vec2(value(x_row, i * 2u, factor), value(x_row, i * 2u + 1u, factor)) * down : vec2(0.0);
    y[token * words + i] = packHalf2x16(pair);
  }
  if (gl_LocalInvocationID.x == 0u) y[padded_tokens * words + token] = floatBitsToUint(back);
}
#endif

void main() {
  const uint token = gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y;
#ifdef OUT_f16
  const uint rows = (p.tokens + kHalfRows - 1u) / kHalfRows * kHalfRows;
#else
  const uint rows = p.tokens;
#endif
  if (token >= rows) return;
  const uint x_row = token * p.columns;
  const float factor = NORM && token < p.tokens ? factor_of_row(x_row) : 1.0;
#if defined(OUT_q8)
  const uint blocks = p.padded_columns / 32u;
  for (uint block = gl_LocalInvocationID.x; block < blocks; block += 64u)
    pack_block(x_row, block, factor, (token * blocks + block) * kQ8BlockWords);
#elif defined(OUT_f16)
  pack_row(token, rows, factor);
#else
  for (uint i = gl_LocalInvocationID.x; i < p.padded_columns; i += 64u) y[token * p.padded_columns + i] = value(x_row, i, factor);
#endif
}
