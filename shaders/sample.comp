#version 450
// Second half of sampling: from the segments and scores of sample_scan.comp to one token, then the slot's state.
// Greedy slots take the largest, the lowest id on ties. Others follow Hugging Face's warpers on the tempered scores:
//   top-k  keep scores >= the k-th largest (ties stay)
//   top-p  of those, in descending order, keep a token while the mass before it is below p (of equal scores the higher
//          ids first); at least one
//   min-p  of those, keep masses >= min_p times the largest
//   draw   the first token, by id, at which the sum of kept masses exceeds u times their total;
//          u = random_unit(seed, tokens generated so far)
// Only a short list of candidates is worked on: tokens that are certain to be removed are left out by a bound from the
// segments. One workgroup of 256 lanes a wanted entry. Sums have a fixed order; masses are summed for top-p in integers
// of 2^-40.
#extension GL_GOOGLE_include_directive : require
#define CONTROL_BINDING 0
#define CONTROL_ACCESS
#include "shaders/common/philox.glsl"
#include "shaders/common/sampling.glsl"
#include "shaders/sample.h"
layout(local_size_x = 256) in;
layout(push_constant) uniform Params { SampleParams p; };
layout(binding = 1) readonly buffer Scores { float scores[]; };
layout(binding = 2) readonly buffer Segments { uvec4 segments[]; };
layout(binding = 3) coherent buffer Candidates { uvec2 candidates[]; };  // (score bits, id), by id
layout(binding = 4) buffer Seen { uint seen[]; };
layout(binding = 5) writeonly buffer Tokens { uint tokens[]; };

shared float values[256];
shared float value_parts[16];
shared uint counts[256];
shared uint count_parts[16];
shared uint ids[256];
shared uint bin_count[256];
shared uint bin_high[256];  // masses in units of 2^-27
shared uint bin_low[256];   // and of 2^-40
shared uint chosen_key;
shared uint chosen_rank;
shared uvec2 chosen_above;
shared float chosen_bound;
shared uint chosen_lane;
shared uint chosen_token;

#define LANE gl_LocalInvocationIndex

// Sum of the lanes before this one, and of all.
float sum_before(float value, out float total) {
  barrier();
  values[LANE] = value;
  barrier();
  if (LANE < 16u) {
    float sum = 0.0;
    for (uint k = 0u; k < 16u; ++k) sum += values[LANE * 16u + k];
    value_parts[LANE] = sum;
  }
  barrier();
  float before = 0.0;
  total = 0.0;
  for (uint k = 0u; k < 16u; ++k) {
    if (k == LANE / 16u) before = total;
    total += value_parts[k];
  }
  for (uint k = LANE & ~15u; k < LANE; ++k) before += values[k];
  return before;
}

uint count_before(uint value, out uint total) {
  barrier();
  counts[LANE] = value;
  barrier();
  if (LANE < 16u) {
    uint sum = 0u;
    for (uint k = 0u; k < 16u; ++k) sum += counts[LANE * 16u + k];
    count_parts[LANE] = sum;
  }
  barrier();
  uint before = 0u;
  total = 0u;
  for (uint k = 0u; k < 16u; ++k) {
    if (k == LANE / 16u) before = total;
    total += count_parts[k];
  }
  for (uint k = LANE & ~15u; k < LANE; ++k) before += counts[k];
  return before;
}

// The largest value over the lanes and the lowest id that has it.
void largest_of(inout float value, inout uint id) {
  values[LANE] = value;
  ids[LANE] = id;
  barrier();
  if (LANE < 16u) {
    for (uint k = LANE; k < 256u; k += 16u) {
      if (values[k] > value || (values[k] == value && ids[k] < id)) {
        value = values[k];
        id = ids[k];
      }
    }
    value_parts[LANE] = value;
    count_parts[LANE] = id;
  }
  barrier();
  value = value_parts[0];
  id = count_parts[0];
  for (uint k = 1u; k < 16u; ++k) {
    if (value_parts[k] > value || (value_parts[k] == value && count_parts[k] < id)) {
      value = value_parts[k];
      id = count_parts[k];
    }
  }
}

// Unsigned numbers in the order of floats; both zeros are equal.
uint key_of(uint score_bits) {
  const uint bits = score_bits == 0x80000000u ? 0u : score_bits;
  return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

// Parts of 2^-27 and, below that, of 2^-40.
uvec2 fixed_point(float fraction) {
  const float scaled = fraction * 134217728.0;
  const float whole = floor(scaled);
  return uvec2(uint(whole), uint((scaled - whole) * 8192.0));
}
uvec2 carried(uvec2 sum) { return uvec2(sum.x + (sum.y >> 13), sum.y & 8191u); }
bool below(uvec2 a, uvec2 b) { return a.x < b.x || (a.x == b.x && a.y < b.y); }

// The k-th largest segment maximum: at least k tokens reach it.
float bound_of_top_k(float segment_largest, uint k) {
  barrier();
  values[LANE] = segment_largest;
  barrier();
  uint rank = 0u;
  for (uint other = 0u; other < 256u; ++other) {
    const float value = values[other];
    if (value > segment_largest || (value == segment_largest && other < LANE)) ++rank;
  }
  if (rank + 1u == k) chosen_bound = segment_largest;
  barrier();
  return chosen_bound;
}

// Lists the tokens whose score reaches the bound, by id. Returns how many.
uint list_candidates(uint row, float segment_largest, float bound) {
  const uint first = LANE * p.segment;
  const uint end = segment_largest >= bound ? min(p.vocabulary, first + p.segment) : first;
  uint count = 0u;
  for (uint id = first; id < end; ++id) count += scores[row + id] >= bound ? 1u : 0u;
  uint total;
  uint at = row + count_before(count, total);
  for (uint id = first; id < end; ++id) {
    const float score = scores[row + id];
    if (score >= bound) candidates[at++] = uvec2(floatBitsToUint(score), id);
  }
  memoryBarrierBuffer();
  barrier();
  return total;
}

// The key of the k-th largest candidate, digit by digit from the top.
uint kth_key(uint row, uint n, uint k) {
  uint prefix = 0u;
  for (uint shift = 24u;; shift -= 8u) {
    bin_count[LANE] = 0u;
    barrier();
    for (uint c = LANE; c < n; c += 256u) {
      const uint key = key_of(candidates[row + c].x);
      if (shift == 24u || (key ^ prefix) >> (shift + 8u) == 0u) atomicAdd(bin_count[key >> shift & 255u], 1u);
    }
    barrier();
    if (LANE == 0u) {
      uint above = 0u;
      uint bin = 255u;
      while (bin > 0u && above + bin_count[bin] < k) above += bin_count[bin--];
      chosen_key = prefix | bin << shift;
      chosen_rank = k - above;
    }
    barrier();
    prefix = chosen_key;
    k = chosen_rank;
    barrier();
    if (shift == 0u) return prefix;
  }
}

// The key of the last candidate before which the mass is below `target`, how many have that key and the mass above it.
// Candidates below `lowest` do not count. `scale` is the reciprocal of the total mass.
uint last_key_of_top_p(uint row, uint n, uint lowest, float largest, float scale, uvec2 target, out uint ties, out uvec2 above) {
  uint prefix = 0u;
  above = uvec2(0u);
  for (uint shift = 24u;; shift -= 8u) {
    bin_count[LANE] = 0u;
    bin_high[LANE] = 0u;
    bin_low[LANE] = 0u;
    barrier();
    for (uint c = LANE; c < n; c += 256u) {
      const uint bits = candidates[row + c].x;
      const uint key = key_of(bits);
      if (key < lowest || (shift != 24u && (key ^ prefix) >> (shift + 8u) != 0u)) continue;
      const uvec2 mass = fixed_point(mass_of(uintBitsToFloat(bits) - largest) * scale);
      const uint bin = key >> shift & 255u;
      atomicAdd(bin_count[bin], 1u);
      atomicAdd(bin_high[bin], mass.x);
      atomicAdd(bin_low[bin], mass.y);
    }
    barrier();
    if (LANE == 0u) {
      uint bin = 256u;
      uvec2 before = above;
      uvec2 sum = above;
      for (uint k = 256u; k-- > 0u;) {
        if (bin_count[k] == 0u) continue;
        if (bin != 256u && !below(sum, target)) break;
        bin = k;
        before = sum;
        sum = carried(sum + uvec2(bin_high[k], bin_low[k]));
      }
      bin &= 255u;
      chosen_key = prefix | bin << shift;
      chosen_rank = bin_count[bin];
      chosen_above = before;
    }
    barrier();
    prefix = chosen_key;
    ties = chosen_rank;
    above = chosen_above;
    barrier();
    if (shift == 0u) return prefix;
  }
}

// Of `ties` candidates of equal mass, those that fit: the mass before each is below the target.
uint ties_kept(uint ties, uvec2 above, uvec2 target, float mass) {
  const uvec2 each = fixed_point(mass);
  const float unit = float(each.x) * 8192.0 + float(each.y);
  const float room = (float(target.x) - float(above.x)) * 8192.0 + float(target.y) - float(above.y);
  if (unit <= 0.0) return ties;
  return clamp(uint(ceil(max(room, 0.0) / unit * 0.999999)), 1u, ties);
}

// The mass of a candidate, 0 if it was taken away. `rank` counts the candidates that equal the lowest kept one.
float kept_mass(uint bits, uint lowest, uint ties_dropped, inout uint rank, float largest, float min_p) {
  const uint key = key_of(bits);
  const bool tied = key == lowest;
  rank += tied ? 1u : 0u;
  const float mass = mass_of(uintBitsToFloat(bits) - largest);
  return key < lowest || (tied && rank <= ties_dropped) || mass < min_p ? 0.0 : mass;
}

// Draws by the inverse of the distribution function. `lowest` and `ties_dropped` say which candidates are kept.
uint draw(uint row, uint n, uint lowest, uint ties_dropped, float largest, float min_p, float u) {
  const uint chunk = (n + 255u) / 256u;
  const uint first = min(n, LANE * chunk);
  const uint end = min(n, first + chunk);
  uint ties = 0u;
  if (ties_dropped > 0u)
    for (uint c = first; c < end; ++c) ties += key_of(candidates[row + c].x) == lowest ? 1u : 0u;
  uint total_ties;
  const uint ties_before = count_before(ties, total_ties);

  float sum = 0.0;
  uint rank = ties_before;
  for (uint c = first; c < end; ++c) sum += kept_mass(candidates[row + c].x, lowest, ties_dropped, rank, largest, min_p);
  float total;
  const float before = sum_before(sum, total);
  const float goal = u * total;
  // The last lane with kept masses whose first one begins at or below the goal has the token.
  if (LANE == 0u) chosen_lane = 0u;
  barrier();
  if (sum > 0.0 && before <= goal) atomicMax(chosen_lane, LANE);
  barrier();
  if (chosen_lane == LANE) {
    uint token = kNoToken;
    float reached = before;
    rank = ties_before;
    for (uint c = first; c < end; ++c) {
      const uvec2 candidate = candidates[row + c];
      const float mass = kept_mass(candidate.x, lowest, ties_dropped, rank, largest, min_p);
      if (mass > 0.0 && (token == kNoToken || reached <= goal)) token = candidate.y;
      reached += mass;
    }
    if (token != kNoToken) chosen_token = token;
  }
  barrier();
  return chosen_token;
}

uint drawn_token(uint i, uint at, float segment_largest, float segment_sum, float largest, uint largest_id) {
  const uint row = i * p.vocabulary;
  const uint top_k = control[at + 5u];
  const float top_p = slot_float(at, 6u);
  const float min_p = min(slot_float(at, 7u), 1.0);
  const float u = random_unit(uvec2(control[at + 9u], control[at + 10u]), control[at]);
  const bool by_k = top_k > 0u && top_k < p.vocabulary;
  const bool by_p = top_p < 1.0;
  if (LANE == 0u) chosen_token = largest_id;

  float total;
  sum_before(segment_sum * mass_of(segment_largest - largest), total);
  float bound = kLowestLogit;
  if (by_k) {
    if (top_k <= 256u) bound = bound_of_top_k(segment_largest, top_k);
  } else {
    float smallest = min_p > 0.0 ? min_p : 0.0;
    // Tokens of at most the mean of what top-p takes away are all taken away.
    if (by_p) smallest = max(smallest, (1.0 - max(top_p, 0.0)) * total / float(p.vocabulary));
    if (smallest > 0.0) bound = min(largest, largest + log(smallest) - 0.001 - abs(largest) * 1e-6);
  }
  const uint n = list_candidates(row, segment_largest, bound);

  uint lowest = 0u;
  uint ties_dropped = 0u;
  if (by_k && top_k < n) lowest = kth_key(row, n, top_k);
  if (by_p) {
    if (by_k) {
      float sum = 0.0;
      for (uint c = LANE; c < n; c += 256u) {
        const uint bits = candidates[row + c].x;
        if (key_of(bits) >= lowest) sum += mass_of(uintBitsToFloat(bits) - largest);
      }
      sum_before(sum, total);
    }
    const uvec2 target = fixed_point(max(top_p, 0.0));
    uint ties;
    uvec2 above;
    lowest = last_key_of_top_p(row, n, lowest, largest, 1.0 / total, target, ties, above);
    const float tied_score = uintBitsToFloat((lowest & 0x80000000u) != 0u ? lowest & 0x7fffffffu : ~lowest);
    ties_dropped = ties - ties_kept(ties, above, target, mass_of(tied_score - largest) / total);
  }
  return draw(row, n, lowest, ties_dropped, largest, min_p, u);
}

// One lane: reports the token, counts it, tests the stops, moves the row on.
void advance(uint i, uint slot, uint token) {
  const uint at = slot_at(slot);
  const uint generated = control[at];
  const uint ring_at = slot * p.ring + generated % p.ring;
  if (ring_at < tokens.length()) tokens[ring_at] = token;
  control[at] = generated + 1u;
  const uint seen_at = control[at + 12u] + token / 32u;
  if (seen_at < seen.length()) seen[seen_at] |= 1u << (token % 32u);
  uint stopped = generated + 1u >= control[at + 2u] ? kStoppedLength : 0u;
  for (uint k = 0u; k < min(control[at + 11u], 16u); ++k)
    if (control[at + 16u + k] == token) stopped = kStoppedEos;
  control[at + 1u] = stopped;
  const uint row = wanted_row(i);
  if ((row_flags(row) & kRowFollows) == 0u) return;
  const uint row_at = control[3] + row * kRowWords;
  control[row_at + 2u] = token;
  control[row_at + 1u] += 1u;
  control[row_at + 3u] = kRowFollows;  // a word now, whatever it was
}

void main() {
  const uint i = gl_WorkGroupID.x;
  const uint slot = sampled_slot(p.first + i);
  if (slot == kNoSlot) return;
  const uint at = slot_at(slot);
  const uvec4 segment = segments[i * kSampleSegments + LANE];
  const float segment_largest = uintBitsToFloat(segment.x);
  float largest = segment_largest;
  uint token = segment.y;
  largest_of(largest, token);
  if (!takes_largest(at)) token = drawn_token(i, at, segment_largest, uintBitsToFloat(segment.z), largest, token);
  barrier();
  if (LANE == 0u) advance(p.first + i, slot, min(token, p.vocabulary - 1u));
}
