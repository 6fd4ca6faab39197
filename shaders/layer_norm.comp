#version 450
// variants: T=float|vec4
// y = (x - mean) / sqrt(variance + eps) * weight + bias over each row (Ba et al., 2016); the variance is the biased one,
// summed from the differences to the mean. One workgroup a row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/layer_norm.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { LayerNormParams p; };
layout(binding = 0) readonly buffer X { T x[]; };
layout(binding = 1) readonly buffer Weight { T weight[]; };
layout(binding = 2) readonly buffer Bias { T bias[]; };
layout(binding = 3) writeonly buffer Y { T y[]; };

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint lane = gl_LocalInvocationIndex;
  const uint base = row * p.columns;
  T total = T(0.0);
  for (uint i = lane; i < p.columns; i += LANES) total += x[base + i];
  const float mean = group_sum(dot(total, T(1.0))) * p.inverse;
  T squares = T(0.0);
  for (uint i = lane; i < p.columns; i += LANES) {
    const T difference = x[base + i] - mean;
    squares += difference * difference;
  }
  barrier();  // the reduction's shared memory is used again
  const float variance = group_sum(dot(squares, T(1.0))) * p.inverse;
  const float scale = inversesqrt(variance + p.eps);
  for (uint i = lane; i < p.columns; i += LANES) y[base + i] = (x[base + i] - mean) * scale * weight[p.weight_at + i] + bias[p.bias_at + i];
}
