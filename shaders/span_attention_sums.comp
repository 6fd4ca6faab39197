#version 450
// Of each row and head: the logarithm of the softmax's denominator, and dy . y, which the softmax's gradient takes off.
// A lane a row and head.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/span_attention.h"
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint HEAD_DIM = 64;
layout(push_constant) uniform Params { SpanAttentionParams p; };
layout(binding = 0) readonly buffer Y { vec4 y[]; };
layout(binding = 1) readonly buffer Dy { vec4 dy[]; };
layout(binding = 2) readonly buffer LogSums { float log_sums[]; };
layout(binding = 3) writeonly buffer Sums { vec2 sums[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.rows * p.heads) return;
  float sum = 0.0;
  for (uint d = 0u; d < HEAD_DIM / 4u; ++d) sum += dot(y[i * (HEAD_DIM / 4u) + d], dy[i * (HEAD_DIM / 4u) + d]);
  sums[i] = vec2(log_sums[i], sum);
}
