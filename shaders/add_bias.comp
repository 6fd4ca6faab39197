#version 450
// y[r, c] = x[r, c] + bias[c]. A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/add_bias.h"
#include "shaders/common/grid.glsl"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { AddBiasParams p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Bias { float bias[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i < p.count) y[i] = x[i] + bias[p.bias_at + i % p.columns];
}
