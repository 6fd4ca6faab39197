#version 450
// losses[r] = -weights[r] * log softmax(logits[r])[target[r]] and its gradient weights[r] * (softmax(logits[r]) - one at the
// target). Rows of weight 0 become zeros, whatever their target; a target outside the row gives NaN. One workgroup a
// row; a lane does 8 neighbouring logits a turn.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/softmax_loss.h"
layout(local_size_x = 256) in;
#define LANES 256u
#include "shaders/common/reduce.glsl"
#include "shaders/common/reduce_max.glsl"
layout(push_constant) uniform Params { SoftmaxLossParams p; };
layout(binding = 0) readonly buffer Logits { float logits[]; };
layout(binding = 1) readonly buffer Target { uint target[]; };
layout(binding = 2) readonly buffer Weights { float weights[]; };
layout(binding = 3) writeonly buffer Losses { float losses[]; };
layout(binding = 4) writeonly buffer Slopes { float slopes[]; };

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint base = row * p.columns, lane = gl_LocalInvocationIndex;
  const float lowest = -3.4028234e38;
  float largest = lowest;
  for (uint c = lane * 8u; c < p.columns; c += LANES * 8u) {
    for (uint k = 0u; k < 8u; ++k)
      if (c + k < p.columns) largest = max(largest, logits[base + c + k]);
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
  const float weight = weights[row], share = weight == 0.0 ? 0.0 : weight / sum;
  const uint wanted = target[row];
  for (uint c = lane * 8u; c < p.columns; c += LANES * 8u) {
    for (uint k = 0u; k < 8u; ++k) {
      if (c + k >= p.columns) continue;
      const float slope = exp(max(logits[base + c + k] - largest, -100.0)) * share;
      slopes[base + c + k] = c + k == wanted ? slope - weight : slope;
    }
  }
  if (lane != 0u) return;
  const float inside = wanted < p.columns ? 1.0 : uintBitsToFloat(0x7fc00000u);
  losses[row] = weight == 0.0 ? 0.0 : -weight * (logits[base + min(wanted, p.columns - 1u)] - largest - log(sum)) * inside;
}
