#version 450
// errors[r, e] = mean over the columns of (outputs[pair of (r, e)] - share * total[r])^2 and closeness[r, e] = -errors[r, e] /
// (mean of the errors of the row), which says the same whatever the size of the numbers. Every row has a pair with each expert.
// One workgroup a row; lanes go over the columns.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/scale_pairs.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { PairParams p; };
layout(binding = 0) readonly buffer Outputs { float outputs[]; };  // (pairs, columns)
layout(binding = 1) readonly buffer Total { float total[]; };      // (rows, columns)
layout(binding = 2) readonly buffer List { uint list[]; };
layout(binding = 3) buffer Errors { float errors[]; };                   // (rows, experts)
layout(binding = 4) writeonly buffer Closeness { float closeness[]; };  // (rows, experts)

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint lane = gl_LocalInvocationIndex, base = row * p.experts;
  float sum = 0.0;
  for (uint e = 0u; e < p.experts; ++e) {
    const uint pair = list[p.places_at + base + e] * p.columns;
    float part = 0.0;
    for (uint c = lane; c < p.columns; c += LANES) {
      const float difference = fma(-p.scale, total[row * p.columns + c], outputs[pair + c]);
      part = fma(difference, difference, part);
    }
    const float error = group_sum(part) / float(p.columns);
    barrier();
    sum += error;
    if (lane == e % LANES) errors[base + e] = error;  // the lane that reads it below
  }
  const float mean = sum / float(p.experts);
  for (uint e = lane; e < p.experts; e += LANES) closeness[base + e] = mean > 0.0 ? -errors[base + e] / mean : 0.0;
}
