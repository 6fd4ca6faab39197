#version 450
// y[pair] = scale * weight of the pair * x[row of the pair, or the pair]. x -> columns, y and z -> row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/scale_pairs.h"
layout(local_size_x = 64) in;
layout(constant_id = 0) const bool GATHER = false;  // x has one row a row, otherwise one a pair
layout(constant_id = 1) const bool WEIGHTED = true;  // false: weights only say who is chosen
layout(push_constant) uniform Params { PairParams p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Weights { float weights[]; };  // (rows / share, experts)
layout(binding = 2) readonly buffer List { uint list[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main() {
  const uint column = gl_GlobalInvocationID.x;
  const uint row = gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y;
  if (row >= p.rows || column >= p.columns) return;
  for (uint e = 0u; e < p.experts; ++e) {
    const float weight = weights[row / p.share * p.experts + e];
    if (weight == 0.0) continue;
    const uint pair = list[p.places_at + row * p.experts + e];
    y[pair * p.columns + column] = (WEIGHTED ? p.scale * weight : p.scale) * x[(GATHER ? row : pair) * p.columns + column];
  }
}
