#version 450
// Second half of attention over splits: y = sum of exp(largest_s - largest) sums_s / sum of exp(largest_s - largest)
// sum_s over the splits that the row's context uses. One workgroup a head (x) of a row (y). A row whose context is one
// split is done already.
#extension GL_GOOGLE_include_directive : require
#include "shaders/attention.h"
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint HEAD_DIM = 64;
layout(push_constant) uniform Params { AttentionParams p; };
#define CONTROL_ONLY
#include "shaders/common/attention.glsl"
layout(binding = 1) readonly buffer Sums { float sums[]; };
layout(binding = 2) readonly buffer Weights { vec2 weights[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main() {
  const uint row = gl_WorkGroupID.y;
  if (row >= min(step_rows(), p.rows) || row_slot(row) == kNoSlot) return;
  const uint splits = splits_of(row_position(row));
  if (splits == 1u) return;
  const uint own = row * p.heads + gl_WorkGroupID.x;
  float largest = kNoScore;
  for (uint s = 0u; s < splits; ++s) largest = max(largest, weights[kGridPairs + own * p.splits + s].x);
  float total = 0.0;
  for (uint s = 0u; s < splits; ++s) {
    const vec2 weight = weights[kGridPairs + own * p.splits + s];
    total += weight.y * exp(weight.x - largest);
  }
  for (uint d = gl_LocalInvocationIndex; d < HEAD_DIM; d += 64u) {
    float sum = 0.0;
    for (uint s = 0u; s < splits; ++s)
      sum += sums[(own * p.splits + s) * HEAD_DIM + d] * exp(weights[kGridPairs + own * p.splits + s].x - largest);
    y[own * HEAD_DIM + d] = sum / total;
  }
}
