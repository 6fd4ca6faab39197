#version 450
// y[i] = x[first + i], zero where x has no such element. A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/take_rows.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { TakeRowsParams p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.total) return;
  const uint at = uint(p.first + int(i));  // beyond the end where it would be negative
  y[i] = at < p.count ? x[at] : 0.0;
}
