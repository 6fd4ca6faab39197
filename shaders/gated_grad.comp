#version 450
// Gradients under y = silu(gate) * up where gate and up are the halves of one row: with s = 1 / (1 + exp(-gate)),
//   d_gate = dy * up * s * (1 + gate * (1 - s)),   d_up = dy * gate * s. A lane an element of dy.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/gated_grad.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { GatedGradParams p; };
layout(binding = 0) readonly buffer Both { float both[]; };    // (rows, 2 width): gate, then up
layout(binding = 1) readonly buffer Dy { float dy[]; };        // (rows, width)
layout(binding = 2) writeonly buffer DBoth { float d_both[]; };  // as both

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.count) return;
  const uint gate_at = i + i / p.width * p.width, up_at = gate_at + p.width;
  const float g = both[gate_at], d = dy[i], s = 1.0 / (1.0 + exp(-g));
  d_both[gate_at] = d * both[up_at] * s * (1.0 + g * (1.0 - s));
  d_both[up_at] = d * g * s;
}
