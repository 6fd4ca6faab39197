#version 450
// y[part, c] = sum of x[r, c] over the rows of a part, in order. x -> columns, y and z -> part.
#extension GL_GOOGLE_include_directive : require
#include "shaders/sum_rows.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { SumRowsParams p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  const uint column = gl_GlobalInvocationID.x;
  const uint part = gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y;
  const uint begin = part * p.part, end = min(begin + p.part, p.rows);
  if (column >= p.columns || begin >= end) return;
  float sum = 0.0;
  for (uint row = begin; row < end; ++row) sum += x[row * p.columns + column];
  y[part * p.columns + column] = sum;
}
