#version 450
// Gradient of the scores of a route node from those of its weights, probabilities p and entropies. Who is chosen counts as given:
//   by the weights      dp = scale * dw of the chosen; renormalised: scale / S * (dw - sum(dw w) / scale), S = sum of the chosen p
//   by the entropy      its derivative by p + eps
//   by the softmax      dscores = p * (dp - sum(p dp))
// A lane a row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/route.h"
layout(local_size_x = 64) in;
layout(constant_id = 0) const bool HAS_WEIGHTS = false;
layout(constant_id = 1) const bool HAS_PROBABILITIES = false;
layout(constant_id = 2) const bool HAS_ENTROPY = false;
layout(push_constant) uniform Params { RouteParams p; };
layout(binding = 0) readonly buffer Weights { float weights[]; };              // (rows, experts)
layout(binding = 1) readonly buffer Probabilities { float probabilities[]; };  // (rows, experts)
layout(binding = 2) readonly buffer DWeights { float d_weights[]; };
layout(binding = 3) readonly buffer DProbabilities { float d_probabilities[]; };
layout(binding = 4) readonly buffer DEntropy { float d_entropy[]; };  // (rows)
layout(binding = 5) writeonly buffer DScores { float d_scores[]; };

void main() {
  const uint row = group_number() * 64u + gl_LocalInvocationIndex;
  if (row >= p.rows) return;
  const uint base = row * p.policy.experts;
  float chosen_sum = 0.0, weighted = 0.0, powers = 0.0;
  for (uint e = 0u; e < p.policy.experts; ++e) {
    const float probability = probabilities[base + e], weight = weights[base + e];
    if (weight != 0.0) chosen_sum += probability;
    if (HAS_WEIGHTS && weight != 0.0) weighted += d_weights[base + e] * weight;
    if (HAS_ENTROPY && p.policy.entropy_kind == kEntropyRenyi) powers += pow(probability + p.policy.entropy_eps, p.policy.entropy_index);
  }
  const bool renormalises = p.policy.renormalise == 1u && chosen_sum > 0.0;
  const float factor = renormalises ? p.policy.scale / chosen_sum : p.policy.scale;
  const float off = renormalises ? weighted / p.policy.scale : 0.0;
  const float by_entropy = HAS_ENTROPY ? d_entropy[row] / p.policy.entropy_largest : 0.0;
  float along = 0.0;
  for (uint turn = 0u; turn < 2u; ++turn) {
    for (uint e = 0u; e < p.policy.experts; ++e) {
      const float probability = probabilities[base + e];
      float d = HAS_PROBABILITIES ? d_probabilities[base + e] : 0.0;
      if (HAS_WEIGHTS && p.policy.equal == 0u && weights[base + e] != 0.0) d += factor * (d_weights[base + e] - off);
      if (HAS_ENTROPY) {
        const float q = probability + p.policy.entropy_eps, a = p.policy.entropy_index;
        if (a == 1.0) d -= by_entropy * (log(max(q, 1.2e-38)) + 1.0);
        else if (p.policy.entropy_kind == kEntropyTsallis) d -= by_entropy * a * pow(q, a - 1.0) / (a - 1.0);
        else d += by_entropy * a * pow(q, a - 1.0) / ((powers + 1e-10) * (1.0 - a));
      }
      if (turn == 0u) along += probability * d;
      else d_scores[base + e] = probability * (d - along);
    }
  }
}
