#version 450
// The input of a product made ready: rows padded with zeros to a multiple of 32 columns and, with NORM, normed (rms):
// y = x / sqrt(mean(x^2) + eps) * norm. A workgroup of 64 lanes a row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/matmul_prepare.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { MatmulPrepareParams p; };
layout(binding = 0) readonly restrict buffer X { float x[]; };
layout(binding = 1) readonly restrict buffer Norm { float norm[]; };
layout(binding = 2) writeonly restrict buffer Y { float y[]; };
layout(constant_id = 0) const bool NORM = false;

shared float parts[64];

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

void main() {
  const uint token = gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y;
  const uint x_row = token * p.columns;
  const float factor = NORM ? factor_of_row(x_row) : 1.0;
  for (uint i = gl_LocalInvocationID.x; i < p.padded_columns; i += 64u) {
    float v = 0.0;
    if (i < p.columns) v = NORM ? x[x_row + i] * factor * norm[p.norm_at + i] : x[x_row + i];
    y[token * p.padded_columns + i] = v;
  }
}
