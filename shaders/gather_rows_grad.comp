#version 450
// variants: T=float|vec4
// y[r] = sum, in their order, of dy[i] over the wanted entries i in use that name row r; zero where there are none. One workgroup a row
// of y; a lane has the same columns all the time.
#extension GL_GOOGLE_include_directive : require
#define CONTROL_BINDING 1
#include "shaders/common/control.glsl"
#include "shaders/common/grid.glsl"
#include "shaders/gather_rows.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { GatherRowsParams p; };
layout(binding = 0) readonly buffer Dy { T dy[]; };
layout(binding = 2) buffer Y { T y[]; };

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint used = min(p.count, step_wanted());
  for (uint c = gl_LocalInvocationIndex; c < p.columns; c += 64u) y[row * p.columns + c] = T(0.0);
  for (uint i = 0u; i < used; ++i) {
    if (wanted_row(i) != row) continue;
    for (uint c = gl_LocalInvocationIndex; c < p.columns; c += 64u) y[row * p.columns + c] += dy[i * p.columns + c];
  }
}
