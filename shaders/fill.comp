#version 450
// y[i] = value for i < count. One lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/fill.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { FillParams p; };
layout(binding = 0) writeonly buffer Y { float y[]; };

void main() {
  const uint i = gl_GlobalInvocationID.x;
  if (i < p.count) y[i] = p.value;
}
