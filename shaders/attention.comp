#version 450
// variants: KV=f32|f16
// Causal grouped-query attention, the plain way: softmax(scale q k^T) v for one head of one row in a workgroup of 256
// lanes, two passes over the positions. First the largest score; then, 256 positions at a time, lane = position for
// exp(score - largest), lane = dimension for the weighted sum. head_dim <= 256. A context of 131,072 positions takes
// less than 65,535 turns of all loops.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/attention.h"
layout(local_size_x = 256) in;
layout(constant_id = 0) const uint HEAD_DIM = 64;
layout(push_constant) uniform Params { AttentionParams p; };
#include "shaders/common/attention.glsl"
#define LANES 256u
#include "shaders/common/reduce.glsl"
layout(binding = 4) writeonly buffer Y { float y[]; };

shared float weights[256];
shared uint places[256];
shared float query[kMaxHeadDim + 8u];

float score(uint place, uint kv_head) {
  const uint base = place * kv_stride() + kv_head * HEAD_DIM;
  float sum = 0.0;
  [[dont_unroll]] for (uint d = 0u; d < HEAD_DIM; d += 8u) {
    float part = 0.0;
    [[unroll]] for (uint k = 0u; k < 8u; ++k)
      if (d + k < HEAD_DIM) part += query[d + k] * key1(base + d + k);
    sum += part;
  }
  return sum * p.scale;
}

float group_max(float value) {
  weights[gl_LocalInvocationIndex] = value;
  barrier();
  if (gl_LocalInvocationIndex < 16u) {
    [[unroll]] for (uint k = 0u; k < 16u; ++k) value = max(value, weights[gl_LocalInvocationIndex + k * 16u]);
    weights[gl_LocalInvocationIndex] = value;
  }
  barrier();
  value = weights[0];
  [[unroll]] for (uint k = 1u; k < 16u; ++k) value = max(value, weights[k]);
  barrier();
  return value;
}

void main() {
  const uint row = gl_WorkGroupID.y;
  const uint head = gl_WorkGroupID.x;
  const uint lane = gl_LocalInvocationIndex;
  if (row >= step_rows()) return;
  const uint slot = row_slot(row);
  if (slot == kNoSlot) return;
  const uint position = row_position(row);
  const uint first = first_position(position);
  const uint kv_head = head / (p.heads / p.kv_heads);
  const uint own = (row * p.heads + head) * HEAD_DIM;
  if (lane < HEAD_DIM) query[lane] = q[own + lane];
  barrier();

  float largest = kNoScore;
  [[dont_unroll]] for (uint at = first + lane; at <= position; at += 256u)
    largest = max(largest, score(cache_place(slot, at), kv_head));
  largest = group_max(largest);

  float total = 0.0;
  float sum = 0.0;  // dimension `lane`
  [[dont_unroll]] for (uint base = first; base <= position; base += 256u) {
    const uint place = cache_place(slot, min(base + lane, position));
    const float weight = base + lane <= position ? exp(score(place, kv_head) - largest) : 0.0;
    total += weight;
    weights[lane] = weight;
    places[lane] = place;
    barrier();
    if (lane < HEAD_DIM) {
      [[dont_unroll]] for (uint i = 0u; i < 256u; i += 8u) {
        if (base + i > position) break;
        float part = 0.0;
        [[unroll]] for (uint k = 0u; k < 8u; ++k)
          part += weights[i + k] * value1(places[i + k] * kv_stride() + kv_head * HEAD_DIM + lane);
        sum += part;
      }
    }
    barrier();
  }
  total = group_sum(total);
  if (lane < HEAD_DIM) y[own + lane] = sum / total;
}
