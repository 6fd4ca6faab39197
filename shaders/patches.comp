#version 450
// The squares of a picture as rows: y[(gy, gx), (c, dy, dx)] = pixels[c, gy * size + dy, gx * size + dx]. A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/patches.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { PatchesParams p; };
layout(binding = 0) readonly buffer Pixels { float pixels[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.count) return;
  const uint columns = p.channels * p.size * p.size, across = p.width / p.size;
  const uint square = i / columns, column = i % columns;
  const uint channel = column / (p.size * p.size), dy = column / p.size % p.size, dx = column % p.size;
  y[i] = pixels[(channel * p.height + square / across * p.size + dy) * p.width + square % across * p.size + dx];
}
