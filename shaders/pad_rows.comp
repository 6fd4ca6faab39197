#version 450
// y = zeros, x, zeros. A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/pad_rows.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { PadRowsParams p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.total) return;
  y[i] = i >= p.first && i - p.first < p.count ? x[i - p.first] : 0.0;
}
