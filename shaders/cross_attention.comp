#version 450
// attention = softmax(scores) over the rows of a query that are in use, 0 for others; pooled = attention text. A lane a column of
// pooled, y -> query; every workgroup does the softmax for itself, the first one of a query writes it.
#extension GL_GOOGLE_include_directive : require
#include "shaders/cross_attention.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { CrossAttentionParams p; };
layout(binding = 0) readonly buffer Scores { float scores[]; };
layout(binding = 1) readonly buffer Text { float text[]; };
#define CONTROL_BINDING 2
#include "shaders/common/control.glsl"
layout(binding = 3) writeonly buffer Attention { float attention[]; };
layout(binding = 4) writeonly buffer Pooled { float pooled[]; };

void main() {
  const uint lane = gl_LocalInvocationIndex, query = gl_WorkGroupID.y, first = query * p.rows, end = first + p.rows;
  float largest = -3.0e38;
  for (uint i = first; i < end; ++i)
    if (row_in_use(i)) largest = max(largest, scores[i]);
  float sum = 0.0;
  for (uint i = first + lane; i < end; i += LANES)
    if (row_in_use(i)) sum += exp(scores[i] - largest);
  sum = group_sum(sum);
  const float by = sum > 0.0 ? 1.0 / sum : 0.0;  // a query may have no row in use
  if (gl_WorkGroupID.x == 0u)
    for (uint i = first + lane; i < end; i += LANES) attention[i] = row_in_use(i) ? exp(scores[i] - largest) * by : 0.0;
  const uint column = gl_GlobalInvocationID.x;
  if (column >= p.columns) return;
  float total = 0.0;
  for (uint i = first; i < end; ++i)
    if (row_in_use(i)) total = fma(exp(scores[i] - largest), text[i * p.columns + column], total);
  pooled[query * p.columns + column] = total * by;
}
