#version 450
// sum = x, or sum += x, in place. A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/pointwise.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { PointwiseParams p; };
layout(binding = 0) buffer Sum { float sum[]; };
layout(binding = 1) readonly buffer X { float x[]; };
layout(binding = 2) readonly buffer Fresh { uint fresh[]; };  // [0] = 1: what was there is forgotten

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i < p.count) sum[i] = fresh[0] == 1u ? x[i] : sum[i] + x[i];
}
