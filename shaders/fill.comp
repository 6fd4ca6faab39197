#version 450
// y[i] = value for i < count. One lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/fill.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { FillParams p; };
layout(binding = 0) writeonly buffer Y { float y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i < p.count) y[i] = p.value;
}
