#version 450
// variants: T=float|vec4
// y[i] = x[wanted[i]]; entries that the step does not use, or that name no row of x, become zero. One workgroup a row.
#extension GL_GOOGLE_include_directive : require
#define CONTROL_BINDING 1
#include "shaders/common/control.glsl"
#include "shaders/common/grid.glsl"
#include "shaders/gather_rows.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { GatherRowsParams p; };
layout(binding = 0) readonly buffer X { T x[]; };
layout(binding = 2) writeonly buffer Y { T y[]; };

void main() {
  const uint i = group_number();
  if (i >= p.count) return;
  const uint row = i < step_wanted() ? wanted_row(i) : p.rows;
  for (uint c = gl_LocalInvocationIndex; c < p.columns; c += 64u)
    y[i * p.columns + c] = row < p.rows ? x[row * p.columns + c] : T(0.0);
}
