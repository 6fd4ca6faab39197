#version 450
// variants: T=float|vec4
// y[r] = sum over the experts that row r chose, in their order, of weight * outputs[pair of (r, expert)]
//        (+ residual_scale * residual[r]); with ROUNDS the residual comes first, and bf16 is what comes out of each step.
// x -> columns, y and z -> row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/bf16.glsl"
#include "shaders/expert_combine.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const bool HAS_RESIDUAL = false;
layout(constant_id = 2) const bool WEIGHTED = true;  // false: weights only say who is chosen
layout(constant_id = 3) const bool ROUNDS = false;
layout(push_constant) uniform Params { ExpertCombineParams p; };
layout(binding = 0) readonly buffer Outputs { T outputs[]; };      // (pairs, columns)
layout(binding = 1) readonly buffer Weights { float weights[]; };  // (rows / share, experts)
layout(binding = 2) readonly buffer List { uint list[]; };
layout(binding = 3) readonly buffer Residual { T residual[]; };
layout(binding = 4) writeonly buffer Y { T y[]; };

void main() {
  const uint column = gl_GlobalInvocationID.x;
  const uint row = gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y;
  if (row >= p.rows || column >= p.columns) return;
  const uint routing = row / p.share * p.experts, places = p.places_at + row * p.experts;
  T sum = T(0.0);
  if (ROUNDS && HAS_RESIDUAL) sum = round_bf16(p.residual_scale * residual[row * p.columns + column]);
  for (uint e = 0u; e < p.experts; ++e) {
    const float weight = weights[routing + e];
    if (weight == 0.0) continue;
    const T term = (WEIGHTED ? weight : 1.0) * outputs[list[places + e] * p.columns + column];
    if (ROUNDS) sum = round_bf16(sum + round_bf16(term));
    else sum += term;
  }
  if (!ROUNDS && HAS_RESIDUAL) sum += p.residual_scale * residual[row * p.columns + column];
  y[row * p.columns + column] = sum;
}
