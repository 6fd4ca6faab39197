#version 450
// variants: T=float|vec4
// Gradients under y = n weight + bias with n = (x - mean) s and s = 1 / sqrt(variance + eps), over each row:
//   dx = s (weight dy - mean(weight dy) - n mean(n weight dy)),   parts = dy n, whose sum over the rows is that of the weight.
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

float mean_of(T sum) {
  barrier();  // the reduction's shared memory is used again
  return group_sum(dot(sum, T(1.0))) * p.inverse;
}

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint lane = gl_LocalInvocationIndex;
  const uint base = row * p.columns;
  T total = T(0.0);
  for (uint i = lane; i < p.columns; i += LANES) total += x[base + i];
  const float mean = mean_of(total);
  T squares = T(0.0), steps = T(0.0), products = T(0.0);
  for (uint i = lane; i < p.columns; i += LANES) {
    const T difference = x[base + i] - mean, step_back = weight[p.weight_at + i] * dy[base + i];
    squares += difference * difference;
    steps += step_back;
    products += difference * step_back;
  }
  const float scale = inversesqrt(mean_of(squares) + p.eps);
  const float mean_step = mean_of(steps), mean_product = mean_of(products) * scale;
  for (uint i = lane; i < p.columns; i += LANES) {
    const T normal = (x[base + i] - mean) * scale, d = dy[base + i];
    dx[base + i] = scale * (weight[p.weight_at + i] * d - mean_step - normal * mean_product);
    if (WRITES_PARTS) parts[base + i] = d * normal;
  }
}
