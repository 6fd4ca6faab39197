#version 450
// y[r] = logits[r][target[r]] - log(sum(exp(logits[r]))): the natural-log probability of the target. The largest logit
// is taken off first, so that nothing overflows. A target outside the row gives NaN. One workgroup a row; a lane does
// 8 neighbouring logits a turn, so that rows of 260,000 stay far below any limit of turns.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/log_prob.h"
layout(local_size_x = 256) in;
#define LANES 256u
#include "shaders/common/reduce.glsl"
#include "shaders/common/reduce_max.glsl"
layout(push_constant) uniform Params { LogProbParams p; };
layout(binding = 0) readonly buffer Logits { float logits[]; };
layout(binding = 1) readonly buffer Target { uint target[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint base = row * p.columns;
  const uint lane = gl_LocalInvocationIndex;
  const float lowest = -3.4028234e38;
  float largest = lowest;
  for (uint c = lane * 8u; c < p.columns; c += LANES * 8u) {
    float part = lowest;
    for (uint k = 0u; k < 8u; ++k)
      if (c + k < p.columns) part = max(part, logits[base + c + k]);
    largest = max(largest, part);
  }
  largest = group_max(largest);
  float sum = 0.0;
  for (uint c = lane * 8u; c < p.columns; c += LANES * 8u) {
    float part = 0.0;
    for (uint k = 0u; k < 8u; ++k)
      if (c + k < p.columns) part += exp(max(logits[base + c + k] - largest, -100.0));
    sum += part;
  }
  sum = group_sum(sum);
  if (lane != 0u) return;
  const uint wanted = target[row];
  y[row] = wanted < p.columns ? logits[base + wanted] - largest - log(sum) : uintBitsToFloat(0x7fc00000u);
}
