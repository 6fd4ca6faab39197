#version 450
// variants: T=float|vec4
// Gradients under y = silu(gate) * up: with s = 1 / (1 + exp(-gate)),
//   d_gate = dy * up * s * (1 + gate * (1 - s)),   d_up = dy * gate * s.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/pointwise.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { PointwiseParams p; };
layout(binding = 0) readonly buffer Gate { T gate[]; };
layout(binding = 1) readonly buffer Up { T up[]; };
layout(binding = 2) readonly buffer Dy { T dy[]; };
layout(binding = 3) writeonly buffer DGate { T d_gate[]; };
layout(binding = 4) writeonly buffer DUp { T d_up[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.count) return;
  const T g = gate[i], d = dy[i];
  const T s = 1.0 / (1.0 + exp(-g));
  d_gate[i] = d * up[i] * s * (1.0 + g * (1.0 - s));
  d_up[i] = d * g * s;
}
