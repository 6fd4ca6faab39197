#version 450
// variants: T=float|vec4
// y = x * by (* factor[0]). A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/scale.h"
layout(local_size_x = 64) in;
layout(constant_id = 0) const bool HAS_FACTOR = false;
layout(push_constant) uniform Params { ScaleParams p; };
layout(binding = 0) readonly buffer X { T x[]; };
layout(binding = 1) readonly buffer Factor { float factor[]; };
layout(binding = 2) writeonly buffer Y { T y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.count) return;
  const float by = HAS_FACTOR ? p.by * factor[0] : p.by;
  y[i] = x[i] * by;
}
