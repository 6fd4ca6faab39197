#version 450
// variants: T=float|vec4
// sum = x, or sum += x, in place. A group of 64 lanes does 64 * turns neighbouring elements, counted in T.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/pointwise.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { PointwiseParams p; };
layout(binding = 0) buffer Sum { T sum[]; };
layout(binding = 1) readonly buffer X { T x[]; };
layout(binding = 2) readonly buffer Fresh { uint fresh[]; };  // [0] = 1: what was there is forgotten

void main() {
  uint i = group_number() * 64u * p.turns + gl_LocalInvocationIndex;
  const bool forgets = fresh[0] == 1u;
  for (uint turn = 0u; turn < p.turns; ++turn, i += 64u) {
    if (i >= p.count) return;
    if (forgets) sum[i] = x[i];
    else sum[i] += x[i];
  }
}
