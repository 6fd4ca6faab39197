#version 450
// losses[r] = weights[r] * KL(softmax(wanted[r]) || softmax(logits[r])) and its gradient weights[r] * (softmax(logits[r]) -
// softmax(wanted[r])). Rows of weight 0 become zeros. One workgroup a row; a lane does 8 neighbouring logits a turn.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/softmax_loss.h"
layout(local_size_x = 256) in;
#define LANES 256u
#include "shaders/common/reduce.glsl"
#include "shaders/common/reduce_max.glsl"
layout(push_constant) uniform Params { SoftmaxLossParams p; };
layout(binding = 0) readonly buffer Logits { float logits[]; };
layout(binding = 1) readonly buffer Wanted { float wanted[]; };
layout(binding = 2) readonly buffer Weights { float weights[]; };
layout(binding = 3) writeonly buffer Losses { float losses[]; };
layout(binding = 4) writeonly buffer Slopes { float slopes[]; };

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint base = row * p.columns, lane = gl_LocalInvocationIndex;
  const float lowest = -3.4028234e38;
  float largest = lowest, largest_wanted = lowest;
  for (uint c = lane * 8u; c < p.columns; c += LANES * 8u) {
    for (uint i = base + c; i < base + min(c + 8u, p.columns); ++i) {
      largest = max(largest, logits[i]);
      largest_wanted = max(largest_wanted, wanted[i]);
    }
  }
  largest = group_max(largest);
  barrier();
  largest_wanted = group_max(largest_wanted);
  float sum = 0.0, sum_wanted = 0.0;
  for (uint c = lane * 8u; c < p.columns; c += LANES * 8u) {
    float part = 0.0, part_wanted = 0.0;
    for (uint i = base + c; i < base + min(c + 8u, p.columns); ++i) {
      part += exp(max(logits[i] - largest, -100.0));
      part_wanted += exp(max(wanted[i] - largest_wanted, -100.0));
    }
    sum += part;
    sum_wanted += part_wanted;
  }
  sum = group_sum(sum);
  barrier();
  sum_wanted = group_sum(sum_wanted);
  barrier();
  const float weight = weights[row];
  const float log_sum = largest + log(sum), log_sum_wanted = largest_wanted + log(sum_wanted);
  float loss = 0.0;
  for (uint c = lane * 8u; c < p.columns; c += LANES * 8u) {
    float part = 0.0;
    for (uint i = base + c; i < base + min(c + 8u, p.columns); ++i) {
      const float log_p = max(logits[i] - log_sum, -100.0), log_wanted = max(wanted[i] - log_sum_wanted, -100.0);
      const float p_wanted = exp(log_wanted);
      part = fma(p_wanted, log_wanted - log_p, part);
      slopes[i] = weight == 0.0 ? 0.0 : weight * (exp(log_p) - p_wanted);
    }
    loss += part;
  }
  loss = group_sum(loss);
  if (lane == 0u) losses[row] = weight == 0.0 ? 0.0 : weight * loss;
}
