#version 450
// scores[i] = scale * dot(query of row i, text[i]) for the rows in use, 0 for others. One workgroup a row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/cross_attention.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
#include "shaders/common/grid.glsl"
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { CrossAttentionParams p; };
layout(binding = 0) readonly buffer Query { float query[]; };
layout(binding = 1) readonly buffer Text { float text[]; };
#define CONTROL_BINDING 2
#include "shaders/common/control.glsl"
layout(binding = 3) writeonly buffer Scores { float scores[]; };

void main() {
  const uint row = group_number();
  if (row >= p.queries * p.rows) return;
  if (!row_in_use(row)) {
    if (gl_LocalInvocationIndex == 0u) scores[row] = 0.0;
    return;
  }
  const uint query_at = row / p.rows * p.columns, text_at = row * p.columns;
  float sum = 0.0;
  for (uint i = gl_LocalInvocationIndex; i < p.columns; i += LANES) sum = fma(query[query_at + i], text[text_at + i], sum);
  sum = group_sum(sum);
  if (gl_LocalInvocationIndex == 0u) scores[row] = sum * p.scale;
}
