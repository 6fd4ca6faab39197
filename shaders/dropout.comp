#version 450
// y[i] = x[i] / (1 - rate), or 0 with probability `rate`: the i-th random number of (seed, step, salt) decides, so that the
// gradient finds the same mask. A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/common/philox.glsl"
#include "shaders/dropout.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { DropoutParams p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Seed { uint seed[]; };  // two words of the seed, then the number of the pass
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.count) return;
  const uint bits = philox(uvec4(i, p.salt, seed[2], 1u), uvec2(seed[0], seed[1])).x >> 8;
  y[i] = float(bits) * (1.0 / 16777216.0) < p.rate ? 0.0 : x[i] / (1.0 - p.rate);
}
