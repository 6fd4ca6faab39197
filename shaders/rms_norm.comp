#version 450
// variants: T=float|vec4
// y = x / sqrt(mean(x^2) + eps) * weight over each row (Zhang and Sennrich, 2019). One workgroup a row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/rms_norm.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { RmsNormParams p; };
layout(binding = 0) readonly buffer X { T x[]; };
layout(binding = 1) readonly buffer Weight { T weight[]; };
layout(binding = 2) writeonly buffer Y { T y[]; };

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint lane = gl_LocalInvocationIndex;
  const uint base = row * p.columns;
  T squares = T(0.0);
  for (uint i = lane; i < p.columns; i += LANES) {
    const T value = x[base + i];
    squares += value * value;
  }
  const float sum = group_sum(dot(squares, T(1.0)));
  const float scale = inversesqrt(sum * p.inverse + p.eps);
  for (uint i = lane; i < p.columns; i += LANES) y[base + i] = x[base + i] * scale * weight[p.weight_at + i];
}
