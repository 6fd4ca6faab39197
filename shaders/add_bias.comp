#version 450
// variants: T=float|vec4
// y[r, c] = x[r, c] + bias[c]. Columns are counted in T. A lane a column, y and z -> row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/add_bias.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { AddBiasParams p; };
layout(binding = 0) readonly buffer X { T x[]; };
layout(binding = 1) readonly buffer Bias { T bias[]; };
layout(binding = 2) writeonly buffer Y { T y[]; };

void main() {
  const uint column = gl_GlobalInvocationID.x, first = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) * p.turns;
  if (column >= p.columns) return;
  const T own = bias[p.bias_at + column];
  for (uint row = first; row < min(first + p.turns, p.rows); ++row) y[row * p.columns + column] = x[row * p.columns + column] + own;
}
