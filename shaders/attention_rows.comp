#version 450
// variants: KV=f32|f16
// Causal grouped-query attention for many rows on devices whose lanes are vector elements of a processor core: lane =
// one head of one row, with its query and its weighted sum in registers, 4 positions a turn, no shared memory and no
// barrier. Keys and values are read at addresses that are the same for the workgroup where its rows are one
// conversation; otherwise each lane walks through its own. Workgroup x = tile of LANES rows, y = head.
// head_dim % 4 == 0, head_dim <= 128.
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
vec4 query[QUADS];
vec4 sum[QUADS];
float total;

// Adds the positions first .. last of the conversation, those above `position` or below `first_own` without weight.
void attend(uint slot, uint first, uint last, uint first_own, uint position, uint kv_head) {
  float largest = kNoScore;
  [[dont_unroll]] for (uint block = first / kKvBlockPositions; block <= last / kKvBlockPositions; ++block) {
    const uint block_position = block * kKvBlockPositions;
    const uint base = block_place(slot, block) * kv_stride() + kv_head * HEAD_DIM;
    const uint count = min(kKvBlockPositions, last + 1u - block_position);
    [[dont_unroll]] for (uint i = 0u; i < count; i += 4u) {
      uvec4 at;
      [[unroll]] for (uint k = 0u; k < 4u; ++k) at[k] = base + min(i + k, count - 1u) * kv_stride();
      vec4 products[4];
      [[unroll]] for (uint k = 0u; k < 4u; ++k) products[k] = query[0] * key4(at[k]);
      [[unroll]] for (uint d = 1u; d < QUADS; ++d)
        [[unroll]] for (uint k = 0u; k < 4u; ++k) products[k] += query[d] * key4(at[k] + d * 4u);
      vec4 score;
      float now = largest;
      [[unroll]] for (uint k = 0u; k < 4u; ++k) {
        const uint here = block_position + i + k;
        const float whole = (products[k].x + products[k].y) + (products[k].z + products[k].w);
        score[k] = here >= first_own && here <= position ? whole : kNoScore;
        now = max(now, score[k]);
      }
      const float rescale = exp(largest - now);
      largest = now;
      vec4 weight;
      [[unroll]] for (uint k = 0u; k < 4u; ++k) weight[k] = score[k] > kNoScore ? exp(score[k] - now) : 0.0;
      total = total * rescale + ((weight.x + weight.y) + (weight.z + weight.w));
      [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
        vec4 next = sum[d] * rescale;
        [[unroll]] for (uint k = 0u; k < 4u; ++k) next += weight[k] * value4(at[k] + d * 4u);
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
  if (begin >= end) return;

  // What the rows of the tile span, and whether they are one conversation.
  uint tile_slot = kNoSlot, first = 0xffffffffu, last = 0u;
  bool one_slot = true;
  [[dont_unroll]] for (uint r = begin; r < end; ++r) {
    const uint slot = row_slot(r);
    if (slot == kNoSlot) continue;
    one_slot = one_slot && (tile_slot == kNoSlot || tile_slot == slot);
    tile_slot = slot;
    first = min(first, first_position(row_position(r)));
    last = max(last, row_position(r));
  }
  if (tile_slot == kNoSlot) return;

  const uint row = begin + gl_LocalInvocationIndex;
  const uint own_slot = row < end ? row_slot(row) : kNoSlot;
  const bool used = own_slot != kNoSlot;
  const uint position = used ? row_position(row) : 0u;
  const uint own = (row * p.heads + head) * QUADS;
  [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
    query[d] = used ? q4[own + d] * p.scale : vec4(0.0);
    sum[d] = vec4(0.0);
  }
  total = 0.0;
  if (one_slot)
    attend(tile_slot, first, last, first_position(position), position, kv_head);
  else if (used)
    attend(own_slot, first_position(position), position, first_position(position), position, kv_head);
  if (!used) return;
  [[unroll]] for (uint d = 0u; d < QUADS; ++d) y4[own + d] = sum[d] / total;
}
