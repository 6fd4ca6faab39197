#version 450
// attention = softmax(scores) over the rows in use, 0 beyond; pooled = attention text. A lane a column of pooled; every
// workgroup does the softmax for itself, the first one writes it.
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
  const uint lane = gl_LocalInvocationIndex, rows = min(p.rows, step_rows());
  float largest = -3.0e38;
  for (uint i = 0u; i < rows; ++i) largest = max(largest, scores[i]);
  float sum = 0.0;
  for (uint i = lane; i < rows; i += LANES) sum += exp(scores[i] - largest);
  sum = group_sum(sum);
  if (gl_WorkGroupID.x == 0u)
    for (uint i = lane; i < p.rows; i += LANES) attention[i] = i < rows ? exp(scores[i] - largest) / sum : 0.0;
  const uint column = gl_GlobalInvocationID.x;
  if (column >= p.columns) return;
  float total = 0.0;
  for (uint i = 0u; i < rows; ++i) total = fma(exp(scores[i] - largest), text[i * p.columns + column], total);
  pooled[column] = total / sum;
}
