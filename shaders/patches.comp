#version 450
// The squares of a picture as rows: squares[(gy, gx), (c, dy, dx)] = pixels[c, gy * size + dy, gx * size + dx]; with TOGETHER the
// other way, y being the picture. A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/patches.h"
layout(local_size_x = 64) in;
layout(constant_id = 0) const bool TOGETHER = false;
layout(push_constant) uniform Params { PatchesParams p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.count) return;
  const uint columns = p.channels * p.size * p.size, across = p.width / p.size;
  const uint square = i / columns, column = i % columns;
  const uint channel = column / (p.size * p.size), dy = column / p.size % p.size, dx = column % p.size;
  const uint pixel = (channel * p.height + square / across * p.size + dy) * p.width + square % across * p.size + dx;
  if (TOGETHER) y[pixel] = x[i];
  else y[i] = x[pixel];
}
