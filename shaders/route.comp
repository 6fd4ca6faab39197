#version 450
// Routing of each row of scores by a policy, see shaders/common/route.glsl. One workgroup a row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/route.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { RouteParams p; };
layout(binding = 0) readonly buffer Scores { float scores[]; };             // (rows, experts)
layout(binding = 1) writeonly buffer Weights { float weights[]; };          // (rows, experts)
layout(binding = 2) writeonly buffer Probabilities { float probabilities[]; };  // (rows, experts)
layout(binding = 3) writeonly buffer Entropy { float entropy[]; };          // (rows)

uint base = 0u;
float score_of(uint expert) { return scores[base + expert]; }
#define POLICY p.policy
#include "shaders/common/route.glsl"

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  base = row * p.policy.experts;
  const float row_entropy = route_experts();
  if (gl_LocalInvocationIndex == 0u) entropy[row] = row_entropy;
  for (uint e = gl_LocalInvocationIndex; e < p.policy.experts; e += LANES) {
    probabilities[base + e] = probability[e];
    weights[base + e] = chosen[e];
  }
}
