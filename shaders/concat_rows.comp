#version 450
// variants: T=float|vec4
// y = the elements of a, then those of b. A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/concat_rows.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { ConcatRowsParams p; };
layout(binding = 0) readonly buffer A { T a[]; };
layout(binding = 1) readonly buffer B { T b[]; };
layout(binding = 2) writeonly buffer Y { T y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i < p.count) y[i] = i < p.first ? a[i] : b[i - p.first];
}
