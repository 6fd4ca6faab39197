#version 450
// y[group] = sum of x[i]^2 over the part of a group, in one order on every device.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/sum_rows.h"
layout(local_size_x = 64) in;
const uint LANES = 64u;
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { SumRowsParams p; };  // rows: elements
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  const uint begin = group_number() * p.part, end = min(begin + p.part, p.rows);
  if (begin >= p.rows) return;
  float sum = 0.0;
  for (uint i = begin + gl_LocalInvocationIndex; i < end; i += LANES) sum = fma(x[i], x[i], sum);
  sum = group_sum(sum);
  if (gl_LocalInvocationIndex == 0u) y[group_number()] = sum;
}
