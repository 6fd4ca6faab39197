#version 450
// Routing of each row of scores: p = softmax(scores), an order of the experts by p (the lower number first among equals),
// and a policy that chooses some of them:
//   chosen  rank < keep_k, or rank < top_k and the sum of the probabilities up to it is within top_p and p >= min_weight;
//           all experts if the entropy of p is above the threshold
//   weight  of a chosen expert: p (or 1), divided by the sum of them if renormalise, times scale; of the others: 0
// The entropy is normalised; eps is added to every probability (DynMoLE's form of Tsallis and Renyi entropy).
//
// One workgroup a row; lanes go over the experts. At most 1,024 experts. Sums run in one order on every device.
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

shared float probability[kMaxRoutedExperts];
shared uint ranked[kMaxRoutedExperts];  // experts in order of probability
shared float chosen[kMaxRoutedExperts];  // their weights before the factor
shared uint shared_within;

float group_max(float value) {
  const uint lane = gl_LocalInvocationIndex;
  lk_parts[lane] = value;
  barrier();
  float largest = lk_parts[0];
  for (uint i = 1u; i < LANES; ++i) largest = max(largest, lk_parts[i]);
  barrier();
  return largest;
}

float sum_of(float value) {
  barrier();
  return group_sum(value);
}

// Compared as bits, which order what is not negative: so each expert has a rank of its own, also where scores are no
// numbers, and never are more chosen than the policy says.
uint rank_of(uint expert) {
  const uint own = floatBitsToUint(probability[expert]);
  uint rank = 0u;
  for (uint other = 0u; other < p.experts; ++other) {
    const uint bits = floatBitsToUint(probability[other]);
    rank += bits > own || (bits == own && other < expert) ? 1u : 0u;
  }
  return rank;
}

float entropy_of_row() {
  const uint lane = gl_LocalInvocationIndex;
  const bool shannon = p.entropy_index == 1.0;
  float sum = 0.0;
  for (uint e = lane; e < p.experts; e += LANES) {
    const float q = probability[e] + p.entropy_eps;
    if (shannon) sum -= q > 0.0 ? q * log(q) : 0.0;
    else sum += pow(q, p.entropy_index);
  }
  sum = sum_of(sum);
  if (!shannon && p.entropy_kind == kEntropyTsallis) sum = (1.0 - sum) / (p.entropy_index - 1.0);
  if (!shannon && p.entropy_kind == kEntropyRenyi) sum = log(sum + 1e-10) / (1.0 - p.entropy_index);
  return sum / p.entropy_largest;
}

// How many experts in order of probability lie within top_p; the sum runs one by one, as published.
uint experts_within() {
  float sum = 0.0;
  for (uint rank = 0u; rank < p.experts; ++rank) {
    sum += probability[ranked[rank]];
    if (!(sum <= p.top_p)) return rank + p.crossing;
  }
  return p.experts;
}

void main() {
  const uint row = group_number();
  if (row >= p.rows) return;
  const uint lane = gl_LocalInvocationIndex;
  const uint base = row * p.experts;
  float largest = -3.0e38;
  for (uint e = lane; e < p.experts; e += LANES) largest = max(largest, scores[base + e]);
  largest = group_max(largest);
  float sum = 0.0;
  for (uint e = lane; e < p.experts; e += LANES) {
    probability[e] = exp(scores[base + e] - largest);
    ranked[e] = 0u;
    sum += probability[e];
  }
  sum = sum_of(sum);
  for (uint e = lane; e < p.experts; e += LANES) {
    probability[e] /= sum;
    probabilities[base + e] = probability[e];
  }
  barrier();

  float row_entropy = 0.0;
  if (p.entropy_kind != kEntropyNone) row_entropy = entropy_of_row();
  if (lane == 0u) entropy[row] = row_entropy;
  uint within = p.experts;
  if (p.top_p < 2.0) {
    for (uint e = lane; e < p.experts; e += LANES) ranked[rank_of(e)] = e;
    barrier();
    if (lane == 0u) shared_within = experts_within();
    barrier();
    within = shared_within;
  }

  const bool all = row_entropy > p.threshold;
  float chosen_sum = 0.0;
  for (uint e = lane; e < p.experts; e += LANES) {
    const uint rank = rank_of(e);
    const bool is_chosen = all || rank < p.keep_k || (rank < p.top_k && rank < within && probability[e] >= p.min_weight);
    chosen[e] = is_chosen ? (p.equal == 1u ? 1.0 : probability[e]) : 0.0;
    chosen_sum += chosen[e];
  }
  float factor = p.scale;
  if (p.renormalise == 1u) {
    const float whole = sum_of(chosen_sum);
    factor = whole > 0.0 ? p.scale / whole : 0.0;
  }
  for (uint e = lane; e < p.experts; e += LANES) weights[base + e] = chosen[e] * factor;
}
