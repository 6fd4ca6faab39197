#version 450
// dx = y * (dy - sum(y dy)) over each row, where y = softmax(x). One workgroup a row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/softmax_grad.h"
layout(local_size_x = 64) in;
const uint LANES = 64u;
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { SoftmaxGradParams p; };
layout(binding = 0) readonly buffer Y { float y[]; };
layout(binding = 1) readonly buffer Dy { float dy[]; };
layout(binding = 2) writeonly buffer Dx { float dx[]; };

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint base = row * p.columns;
  float sum = 0.0;
  for (uint i = gl_LocalInvocationIndex; i < p.columns; i += LANES) sum = fma(y[base + i], dy[base + i], sum);
  sum = group_sum(sum);
  for (uint i = gl_LocalInvocationIndex; i < p.columns; i += LANES) dx[base + i] = y[base + i] * (dy[base + i] - sum);
}
