#version 450
// variants: KV=f32|f16
// Causal grouped-query attention for many rows on devices whose lanes are vector elements of a processor core: lane =
// one head of one row, with its query and its weighted sum in registers, STEP positions a turn, no shared memory and no
// barrier. Keys and values are read at addresses that are the same for the whole workgroup: a tile is cut into runs of
// neighbouring rows of one conversation, and all lanes go through a run although only its own rows keep the result.
// Workgroup x = tile of LANES rows, y = head, z = which runs: every gl_NumWorkGroups.z-th, so that a lane's loop turns
// stay bounded for long contexts. head_dim % 4 == 0, head_dim <= 128.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/attention.h"
layout(local_size_x_id = 1) in;
layout(constant_id = 0) const uint HEAD_DIM = 64;
layout(constant_id = 1) const uint LANES = 16;
layout(push_constant) uniform Params { AttentionParams p; };
#include "shaders/common/attention.glsl"
layout(binding = 1) readonly buffer Q4 { vec4 q4[]; };
layout(binding = 4) writeonly buffer Y { vec4 y4[]; };

const uint QUADS = HEAD_DIM / 4u;
const uint STEP = QUADS <= 16u ? 4u : 2u;
vec4 query[QUADS];
vec4 sum[QUADS];
float total;

// Weighs the positions first .. last of the conversation, those above `position` or below `first_own` with nothing.
void attend(uint slot, uint first, uint last, uint first_own, uint position, uint kv_head) {
  float largest = kNoScore;
  total = 0.0;
  [[unroll]] for (uint d = 0u; d < QUADS; ++d) sum[d] = vec4(0.0);
  [[dont_unroll]] for (uint block = first / kKvBlockPositions; block <= last / kKvBlockPositions; ++block) {
    const uint block_position = block * kKvBlockPositions;
    const uint base = block_place(slot, block) * kv_stride() + kv_head * HEAD_DIM;
    const uint count = min(kKvBlockPositions, last + 1u - block_position);
    [[dont_unroll]] for (uint i = 0u; i < count; i += STEP) {
      uint at[STEP];
      vec4 products[STEP];
      float score[STEP];
      float weight[STEP];
      [[unroll]] for (uint k = 0u; k < STEP; ++k) at[k] = base + min(i + k, count - 1u) * kv_stride();
      [[unroll]] for (uint k = 0u; k < STEP; ++k) products[k] = query[0] * key4(at[k]);
      [[unroll]] for (uint d = 1u; d < QUADS; ++d)
        [[unroll]] for (uint k = 0u; k < STEP; ++k) products[k] += query[d] * key4(at[k] + d * 4u);
      float now = largest;
      [[unroll]] for (uint k = 0u; k < STEP; ++k) {
        const uint here = block_position + i + k;
        const float whole = (products[k].x + products[k].y) + (products[k].z + products[k].w);
        score[k] = here >= first_own && here <= position ? whole : kNoScore;
        now = max(now, score[k]);
      }
      const float rescale = exp(largest - now);
      largest = now;
      total *= rescale;
      [[unroll]] for (uint k = 0u; k < STEP; ++k) {
        weight[k] = score[k] > kNoScore ? exp(score[k] - now) : 0.0;
        total += weight[k];
      }
      [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
        vec4 next = sum[d] * rescale;
        [[unroll]] for (uint k = 0u; k < STEP; ++k) next += weight[k] * value4(at[k] + d * 4u);
        sum[d] = next;
      }
    }
  }
}

void main() {
  const uint head = gl_WorkGroupID.y;
  const uint kv_head = head / (p.heads / p.kv_heads);
  const uint begin = gl_WorkGroupID.x * LANES;
  const uint end = min(min(step_rows(), p.rows), begin + LANES);
  const uint row = begin + gl_LocalInvocationIndex;
  const uint own = (min(row, p.rows - 1u) * p.heads + head) * QUADS;
  [[unroll]] for (uint d = 0u; d < QUADS; ++d) query[d] = q4[own + d] * p.scale;

  uint number = 0u;
  [[dont_unroll]] for (uint run = begin; run < end; ++number) {
    const uint slot = row_slot(run);
    uint first = 0xffffffffu, last = 0u, run_end = run;
    [[dont_unroll]] for (; run_end < end && row_slot(run_end) == slot; ++run_end) {
      first = min(first, first_position(row_position(run_end)));
      last = max(last, row_position(run_end));
    }
    if (slot != kNoSlot && number % gl_NumWorkGroups.z == gl_WorkGroupID.z) {
      const bool own_run = row >= run && row < run_end;
      const uint position = own_run ? row_position(row) : 0u;
      attend(slot, first, last, first_position(position), position, kv_head);
      if (own_run)
        [[unroll]] for (uint d = 0u; d < QUADS; ++d) y4[own + d] = sum[d] / total;
    }
    run = run_end;
  }
}
