#version 450
// First half of sampling: reads each logit once, adds the slot's bias, applies the repetition penalty and sums up each
// segment of the vocabulary as (largest, its lowest id, sum of exp(x - largest)). For slots that draw, x / temperature
// is kept. Wanted entry = workgroup y; 8 lanes a segment, 8 segments a workgroup.
#extension GL_GOOGLE_include_directive : require
#define CONTROL_BINDING 1
#include "shaders/common/sampling.glsl"
#include "shaders/sample.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { SampleParams p; };
layout(binding = 0) readonly buffer Logits { float logits[]; };
layout(binding = 2) readonly buffer Seen { uint seen[]; };
layout(binding = 3) readonly buffer Bias { float bias[]; };
layout(binding = 4) buffer Scores { float scores[]; };
layout(binding = 5) writeonly buffer Segments { uvec4 segments[]; };  // largest, id, sum, unused

shared float part_largest[64];
shared uint part_id[64];
shared float part_sum[64];

void main() {
  const uint i = gl_WorkGroupID.y;
  const uint slot = sampled_slot(p.first + i);
  if (slot == kNoSlot) return;
  const uint lane = gl_LocalInvocationIndex;
  const uint segment = gl_WorkGroupID.x * 8u + lane / 8u;
  const uint first = segment * p.segment + lane % 8u;
  const uint end = min(p.vocabulary, (segment + 1u) * p.segment);
  const uint at = slot_at(slot);
  const bool draws = !takes_largest(at);
  const bool biased = p.has_bias != 0u && (control[at + 13u] & kSlotBias) != 0u;
  const float penalty = slot_float(at, 8u);
  const uint history = control[at + 12u];
  const bool penalised = penalty > 0.0 && penalty != 1.0 && history + (p.vocabulary - 1u) / 32u < seen.length();
  const float temperature = slot_float(at, 4u);
  const uint row = i * p.vocabulary;  // in scratch

  float largest = kLowestLogit;
  uint largest_id = kNoToken;
  for (uint id = first; id < end; id += 8u) {
    float x = logits[p.first * p.vocabulary + row + id];
    if (biased) x += bias[slot * p.vocabulary + id];
    if (penalised && (seen[history + id / 32u] >> (id % 32u) & 1u) != 0u) x = x > 0.0 ? x / penalty : x * penalty;
    if (draws) x /= temperature;
    x = finite(x);
    if (draws) scores[row + id] = x;
    if (x > largest || largest_id == kNoToken) {
      largest = x;
      largest_id = id;
    }
  }
  float sum = 0.0;
  if (draws)
    for (uint id = first; id < end; id += 8u) sum += mass_of(scores[row + id] - largest);
  part_largest[lane] = largest;
  part_id[lane] = largest_id;
  part_sum[lane] = sum;
  barrier();
  if (lane % 8u != 0u) return;
  for (uint k = lane + 1u; k < lane + 8u; ++k) {
    const float other = part_largest[k];
    if (other > largest || (other == largest && part_id[k] < largest_id)) {
      largest = other;
      largest_id = part_id[k];
    }
  }
  sum = 0.0;
  for (uint k = lane; k < lane + 8u; ++k) sum += part_sum[k] * mass_of(part_largest[k] - largest);
  segments[i * kSampleSegments + segment] = uvec4(floatBitsToUint(largest), largest_id, floatBitsToUint(sum), 0u);
}
