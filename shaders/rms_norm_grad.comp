#version 450
// variants: T=float|vec4
// Gradients under y = x s weight with s = 1 / sqrt(mean(x^2) + eps), over each row:
//   dx = s (weight dy - x s^2 mean(x weight dy)),   parts = dy x s, whose sum over the rows is that of the weight.
// One workgroup a row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/norm_grad.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
layout(constant_id = 1) const bool WRITES_PARTS = false;
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { NormGradParams p; };
layout(binding = 0) readonly buffer X { T x[]; };
layout(binding = 1) readonly buffer Weight { T weight[]; };
layout(binding = 2) readonly buffer Dy { T dy[]; };
layout(binding = 3) writeonly buffer Dx { T dx[]; };
layout(binding = 4) writeonly buffer Parts { T parts[]; };

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint lane = gl_LocalInvocationIndex;
  const uint base = row * p.columns;
  T squares = T(0.0), products = T(0.0);
  for (uint i = lane; i < p.columns; i += LANES) {
    const T value = x[base + i];
    squares += value * value;
    products += value * weight[p.weight_at + i] * dy[base + i];
  }
  const float sum = group_sum(dot(squares, T(1.0)));
  barrier();  // the reduction's shared memory is used again
  const float along = group_sum(dot(products, T(1.0)));
  const float scale = inversesqrt(sum * p.inverse + p.eps);
  const float back = along * p.inverse * scale * scale;
  for (uint i = lane; i < p.columns; i += LANES) {
    const T value = x[base + i], d = dy[base + i];
    dx[base + i] = scale * (weight[p.weight_at + i] * d - value * back);
    if (WRITES_PARTS) parts[base + i] = d * value * scale;
  }
}
