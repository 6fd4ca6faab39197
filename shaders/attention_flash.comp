#version 450
// variants: KV=f32|f16
// Causal grouped-query attention in one pass ("FlashAttention", Dao et al., 2022): a workgroup of 64 lanes does
// QUERIES = ROWS * HEADS query rows that share one kv head, 64 positions a tile. Lane = position for the scores, lane =
// dimension (f16: a pair of them) for the weighted sums, with a running largest score and sum of weights.
//   workgroup x = split of the context, y = kv head * parts + part of its query heads, z = tile of ROWS rows
// With one split in use the result is written, else (largest, sum, weighted sums) for attention_combine.comp.
// Rows of a tile that belong to different conversations are done one conversation after the other. ROWS > 1 needs
// splits = 1. QUERIES <= 8, head_dim <= 256. Splits beyond a row's context leave at once.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/attention.h"
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint HEAD_DIM = 64;
layout(constant_id = 1) const uint ROWS = 1;
layout(constant_id = 2) const uint HEADS = 1;
layout(push_constant) uniform Params { AttentionParams p; };
#include "shaders/common/attention.glsl"
layout(binding = 4) writeonly buffer Y { float y[]; };
layout(binding = 5) writeonly buffer Sums { float sums[]; };      // (row, head, split, dimension)
layout(binding = 6) writeonly buffer Weights { vec2 weights[]; };  // kGridPairs, then (row, head, split): largest, sum
layout(binding = 6) writeonly buffer CombineGrid { uint combine_grid[]; };

const uint QUERIES = ROWS * HEADS;
const uint QUADS = (HEAD_DIM + 3u) / 4u;
#ifdef KV_f16
#define UNIT vec2
const uint UNITS = HEAD_DIM / 2u;
UNIT value_unit(uint base, uint unit) { return unpackHalf2x16(cache_v[base / 2u + unit]); }
#else
#define UNIT float
const uint UNITS = HEAD_DIM;
UNIT value_unit(uint base, uint unit) { return cache_v[base + unit]; }
#endif
const uint UNITS_A_LANE = (UNITS + 63u) / 64u;
const uint PARTS = UNITS <= 32u ? 2u : 1u;  // lanes of part h do positions 32 h .. of a tile
const uint PART_LANES = 64u / PARTS;

shared vec4 queries[QUERIES * QUADS];
shared float scores[2u * QUERIES * 64u];  // two tiles: the next one is written while this one is still read
shared float eighths[8u * 8u];            // (query, eighth of a tile)
shared UNIT folded[PARTS == 2u ? QUERIES * 32u : 1u];

#define LANE gl_LocalInvocationIndex

uint tile_row(uint r) { return gl_WorkGroupID.z * ROWS + r; }
uint row_slot_or_none(uint r) { return tile_row(r) < min(step_rows(), p.rows) ? row_slot(tile_row(r)) : kNoSlot; }

vec4 key_quad(uint base, uint quad) {
  if (HEAD_DIM % 4u == 0u) return key4(base + quad * 4u);
  vec4 keys = vec4(0.0);
  [[unroll]] for (uint k = 0u; k < 4u; ++k)
    if (quad * 4u + k < HEAD_DIM) keys[k] = key1(base + quad * 4u + k);
  return keys;
}

// Does the rows of the tile that belong to `slot` (bits of `members`).
void attend(uint slot, uint members, uint first_head, uint head_count, uint kv_head) {
  uint first_tile = 0xffffffffu;
  uint last = 0u;
  uint positions[ROWS];
  [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
    positions[r] = 0u;
    if ((members >> r & 1u) == 0u) continue;
    positions[r] = row_position(tile_row(r));
    first_tile = min(first_tile, first_position(positions[r]) / 64u);
    last = max(last, positions[r]);
  }
  uint end_tile = last / 64u + 1u;
  bool whole = true;
  if (ROWS == 1u) {
    const uint tiles = tiles_a_split(last);
    whole = splits_of(last) == 1u;
    first_tile += gl_WorkGroupID.x * tiles;
    end_tile = min(end_tile, first_tile + tiles);
  }
  if (first_tile >= end_tile) return;

  const uint own_query = LANE / 8u;  // this lane sums the weights of an eighth of a tile for it
  float own_largest = kNoScore;
  float own_sum = 0.0;
  float largest[QUERIES];
  UNIT sum[QUERIES * UNITS_A_LANE];
  [[unroll]] for (uint t = 0u; t < QUERIES; ++t) largest[t] = kNoScore;
  [[unroll]] for (uint t = 0u; t < QUERIES * UNITS_A_LANE; ++t) sum[t] = UNIT(0.0);

  [[dont_unroll]] for (uint tile = first_tile; tile < end_tile; ++tile) {
    const uint buffer_at = (tile & 1u) * QUERIES * 64u;
    const uint position = tile * 64u + LANE;
    const uint key_base = cache_place(slot, min(position, last)) * kv_stride() + kv_head * HEAD_DIM;
    vec4 products[QUERIES];
    [[unroll]] for (uint t = 0u; t < QUERIES; ++t) products[t] = vec4(0.0);
    [[dont_unroll]] for (uint quad = 0u; quad < QUADS; quad += 2u) {
      const vec4 keys = key_quad(key_base, quad);
      [[unroll]] for (uint t = 0u; t < QUERIES; ++t) products[t] += keys * queries[t * QUADS + quad];
      if (QUADS % 2u == 0u || quad + 1u < QUADS) {
        const vec4 next = key_quad(key_base, quad + 1u);
        [[unroll]] for (uint t = 0u; t < QUERIES; ++t) products[t] += next * queries[t * QUADS + quad + 1u];
      }
    }
    float score[QUERIES];
    [[unroll]] for (uint t = 0u; t < QUERIES; ++t) {
      const uint r = t / HEADS;
      const bool valid = position <= positions[r] && position >= first_position(positions[r]);
      score[t] = valid ? dot(products[t], vec4(p.scale)) : kNoScore;
      scores[buffer_at + t * 64u + LANE] = score[t];
    }
    barrier();
    if (own_query < QUERIES) {
      const uint from = buffer_at + own_query * 64u + LANE % 8u * 8u;
      float part = scores[from];
      [[unroll]] for (uint k = 1u; k < 8u; ++k) part = max(part, scores[from + k]);
      eighths[LANE] = part;
    }
    barrier();
    float rescale[QUERIES];
    [[unroll]] for (uint t = 0u; t < QUERIES; ++t) {
      float now = largest[t];
      [[unroll]] for (uint k = 0u; k < 8u; ++k) now = max(now, eighths[t * 8u + k]);
      rescale[t] = exp(largest[t] - now);
      largest[t] = now;
      scores[buffer_at + t * 64u + LANE] = score[t] > kNoScore ? exp(score[t] - now) : 0.0;
    }
    float own_now = own_largest;
    if (own_query < QUERIES) {
      [[unroll]] for (uint k = 0u; k < 8u; ++k) own_now = max(own_now, eighths[own_query * 8u + k]);
      own_sum *= exp(own_largest - own_now);
      own_largest = own_now;
    }
    barrier();
    if (own_query < QUERIES) {
      const uint from = buffer_at + own_query * 64u + LANE % 8u * 8u;
      [[unroll]] for (uint k = 0u; k < 8u; ++k) own_sum += scores[from + k];
    }
    [[unroll]] for (uint t = 0u; t < QUERIES; ++t)
      [[unroll]] for (uint u = 0u; u < UNITS_A_LANE; ++u) sum[t * UNITS_A_LANE + u] *= rescale[t];

    [[dont_unroll]] for (uint part = 0u; part < 2u / PARTS; ++part) {
      const uint half_tile = PARTS == 2u ? LANE / 32u : part;
      const uint block_position = tile * 64u + half_tile * 32u;
      if (block_position > last) break;
      const uint block_base = block_place(slot, block_position / kKvBlockPositions);
      const uint count = min(32u, last + 1u - block_position);
      [[dont_unroll]] for (uint i = 0u; i < count; i += 8u) {
        [[unroll]] for (uint k = 0u; k < 8u; ++k) {
          const uint value_base = (block_base + min(i + k, count - 1u)) * kv_stride() + kv_head * HEAD_DIM;
          [[unroll]] for (uint u = 0u; u < UNITS_A_LANE; ++u) {
            const uint unit = LANE % PART_LANES + u * 64u;
            const UNIT value = unit < UNITS ? value_unit(value_base, unit) : UNIT(0.0);
            [[unroll]] for (uint t = 0u; t < QUERIES; ++t)
              sum[t * UNITS_A_LANE + u] += scores[buffer_at + t * 64u + half_tile * 32u + i + k] * value;
          }
        }
      }
    }
  }

  barrier();
  eighths[LANE] = own_sum;
  if (PARTS == 2u && LANE >= 32u)
    [[unroll]] for (uint t = 0u; t < QUERIES; ++t) folded[t * 32u + LANE - 32u] = sum[t * UNITS_A_LANE];
  barrier();
  if (PARTS == 2u && LANE >= 32u) return;
  if (PARTS == 2u)
    [[unroll]] for (uint t = 0u; t < QUERIES; ++t) sum[t * UNITS_A_LANE] += folded[t * 32u + LANE];
  [[unroll]] for (uint t = 0u; t < QUERIES; ++t) {
    const uint r = t / HEADS;
    if (t % HEADS >= head_count || (members >> r & 1u) == 0u) continue;
    float total = 0.0;
    [[unroll]] for (uint k = 0u; k < 8u; ++k) total += eighths[t * 8u + k];
    const uint own = tile_row(r) * p.heads + first_head + t % HEADS;
    const uint split = own * p.splits + gl_WorkGroupID.x;
    if (!whole && LANE == 0u) weights[kGridPairs + split] = vec2(largest[t], total);
    [[unroll]] for (uint u = 0u; u < UNITS_A_LANE; ++u) {
      const uint unit = LANE + u * 64u;
      if (unit >= UNITS) continue;
      const UNIT result = whole ? sum[t * UNITS_A_LANE + u] / total : sum[t * UNITS_A_LANE + u];
#ifdef KV_f16
      [[unroll]] for (uint k = 0u; k < 2u; ++k) {
        if (whole) y[own * HEAD_DIM + unit * 2u + k] = result[k];
        else sums[split * HEAD_DIM + unit * 2u + k] = result[k];
      }
#else
      if (whole) y[own * HEAD_DIM + unit] = result;
      else sums[split * HEAD_DIM + unit] = result;
#endif
    }
  }
}

// No work for attention_combine, not even an empty workgroup, where every row's context is one split.
void write_combine_grid() {
  bool any = false;
  for (uint row = 0u; row < min(step_rows(), p.rows); ++row)
    any = any || (row_slot(row) != kNoSlot && splits_of(row_position(row)) > 1u);
  combine_grid[0] = any ? p.heads : 0u;
  combine_grid[1] = p.rows;
  combine_grid[2] = 1u;
}

void main() {
  if (p.splits > 1u && gl_WorkGroupID == uvec3(0u) && LANE == 0u) write_combine_grid();
  const uint group = p.heads / p.kv_heads;
  const uint parts = (group + HEADS - 1u) / HEADS;
  const uint kv_head = gl_WorkGroupID.y / parts;
  const uint first = gl_WorkGroupID.y % parts * HEADS;
  const uint head_count = min(HEADS, group - first);
  const uint first_head = kv_head * group + first;
  uint open = 0u;  // rows of the tile that are still to be done
  [[unroll]] for (uint r = 0u; r < ROWS; ++r)
    if (row_slot_or_none(r) != kNoSlot) open |= 1u << r;
  if (open == 0u) return;
  if (ROWS == 1u && gl_WorkGroupID.x >= splits_of(row_position(tile_row(0u)))) return;

  for (uint i = LANE; i < QUERIES * QUADS; i += 64u) {
    const uint t = i / QUADS;
    const uint row = tile_row(t / HEADS);
    vec4 quad = vec4(0.0);
    if (row < p.rows && t % HEADS < head_count)
      [[unroll]] for (uint k = 0u; k < 4u; ++k)
        if (i % QUADS * 4u + k < HEAD_DIM)
          quad[k] = q[(row * p.heads + first_head + t % HEADS) * HEAD_DIM + i % QUADS * 4u + k];
    queries[i] = quad;
  }
  barrier();
  [[dont_unroll]] for (uint turn = 0u; turn < ROWS && open != 0u; ++turn) {
    const uint slot = row_slot_or_none(uint(findLSB(open)));
    uint members = 0u;
    [[unroll]] for (uint r = 0u; r < ROWS; ++r)
      if ((open >> r & 1u) != 0u && row_slot_or_none(r) == slot) members |= 1u << r;
    attend(slot, members, first_head, head_count, kv_head);
    open &= ~members;
    barrier();
  }
}
