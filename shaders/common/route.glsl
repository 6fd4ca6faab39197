// One row of routing by one workgroup, from its scores: p = softmax(scores), an order of the experts by p (the lower number first among
// equals), and a policy (RoutePolicy) that chooses some of them:
//   chosen  rank < keep_k, or rank < top_k and the sum of the probabilities up to it is within top_p and p >= min_weight;
//           all experts if the entropy of p is above the threshold
//   weight  of a chosen expert: p (or 1), divided by the sum of them if renormalise, times scale; of the others: 0
// The entropy is normalised; eps is added to every probability (DynMoLE's form of Tsallis and Renyi entropy).
//
// Lanes go over the experts, at most 1,024. Sums run in one order on every device. The includer has LANES, reduce.glsl, the policy as
// POLICY and `float score_of(uint expert)`.
#ifndef LORIKEET_COMMON_ROUTE_GLSL
#define LORIKEET_COMMON_ROUTE_GLSL
shared float probability[kMaxRoutedExperts];
shared uint ranked[kMaxRoutedExperts];  // experts in order of probability
shared float chosen[kMaxRoutedExperts];  // their weights
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
  for (uint other = 0u; other < POLICY.experts; ++other) {
    const uint bits = floatBitsToUint(probability[other]);
    rank += bits > own || (bits == own && other < expert) ? 1u : 0u;
  }
  return rank;
}

float entropy_of_row() {
  const uint lane = gl_LocalInvocationIndex;
  const bool shannon = POLICY.entropy_index == 1.0;
  float sum = 0.0;
  for (uint e = lane; e < POLICY.experts; e += LANES) {
    const float q = probability[e] + POLICY.entropy_eps;
    if (shannon) sum -= q > 0.0 ? q * log(q) : 0.0;
    else sum += pow(q, POLICY.entropy_index);
  }
  sum = sum_of(sum);
  if (!shannon && POLICY.entropy_kind == kEntropyTsallis) sum = (1.0 - sum) / (POLICY.entropy_index - 1.0);
  if (!shannon && POLICY.entropy_kind == kEntropyRenyi) sum = log(sum + 1e-10) / (1.0 - POLICY.entropy_index);
  return sum / POLICY.entropy_largest;
}

// How many experts in order of probability lie within top_p; the sum runs one by one, as published.
uint experts_within() {
  float sum = 0.0;
  for (uint rank = 0u; rank < POLICY.experts; ++rank) {
    sum += probability[ranked[rank]];
    if (!(sum <= POLICY.top_p)) return rank + POLICY.crossing;
  }
  return POLICY.experts;
}

// Makes `probability` and `chosen` of all experts. Returns the entropy.
float route_experts() {
  const uint lane = gl_LocalInvocationIndex;
  float largest = -3.0e38;
  for (uint e = lane; e < POLICY.experts; e += LANES) largest = max(largest, score_of(e));
  largest = group_max(largest);
  float sum = 0.0;
  for (uint e = lane; e < POLICY.experts; e += LANES) {
    probability[e] = exp(score_of(e) - largest);
    ranked[e] = 0u;
    sum += probability[e];
  }
  sum = sum_of(sum);
  for (uint e = lane; e < POLICY.experts; e += LANES) probability[e] /= sum;
  barrier();

  float entropy = 0.0;
  if (POLICY.entropy_kind != kEntropyNone) entropy = entropy_of_row();
  uint within = POLICY.experts;
  if (POLICY.top_p < 2.0) {
    for (uint e = lane; e < POLICY.experts; e += LANES) ranked[rank_of(e)] = e;
    barrier();
    if (lane == 0u) shared_within = experts_within();
    barrier();
    within = shared_within;
  }

  const bool all = entropy > POLICY.threshold;
  float chosen_sum = 0.0;
  for (uint e = lane; e < POLICY.experts; e += LANES) {
    const uint rank = rank_of(e);
    const bool is_chosen = all || rank < POLICY.keep_k || (rank < POLICY.top_k && rank < within && probability[e] >= POLICY.min_weight);
    chosen[e] = is_chosen ? (POLICY.equal == 1u ? 1.0 : probability[e]) : 0.0;
    chosen_sum += chosen[e];
  }
  float factor = POLICY.scale;
  if (POLICY.renormalise == 1u) {
    const float whole = sum_of(chosen_sum);
    factor = whole > 0.0 ? POLICY.scale / whole : 0.0;
  }
  for (uint e = lane; e < POLICY.experts; e += LANES) chosen[e] *= factor;
  return entropy;
}
#endif
