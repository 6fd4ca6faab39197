#version 450
// variants: KV=f32|f16
// Rotary embedding of the q and k parts of qkv (rows, (heads + 2 kv_heads) * head_dim); q goes to y, k and v to their
// place in the caches (f32, or two halves a word). Lanes as in rope.comp; the streams run over q, k and v heads alike.
// Padding rows are left as they are; rows of stopped slots write no cache. head_dim is even.
#extension GL_GOOGLE_include_directive : require
#define CONTROL_BINDING 2
#include "shaders/common/control.glsl"
#include "shaders/rope.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { RopeParams p; };
layout(binding = 0) readonly buffer Qkv { float qkv[]; };
layout(binding = 1) readonly buffer Frequencies { float frequencies[]; };
float frequency(uint i) { return frequencies[p.frequencies_at + i]; }
layout(binding = 3) writeonly buffer Y { float y[]; };
#ifdef KV_f16
layout(binding = 4) writeonly buffer CacheK { uint cache_k[]; };
layout(binding = 5) writeonly buffer CacheV { uint cache_v[]; };
#define STORE(cache, index, pair) cache[(index) / 2u] = packHalf2x16(pair)
#else
layout(binding = 4) writeonly buffer CacheK { float cache_k[]; };
layout(binding = 5) writeonly buffer CacheV { float cache_v[]; };
#define STORE(cache, index, pair) \
  cache[index] = (pair).x;        \
  cache[(index) + 1u] = (pair).y
#endif

float source(uint index) { return qkv[index]; }
#include "shaders/common/rope_pair.glsl"

void main() {
  const uint row = gl_WorkGroupID.y;
  const uint pairs = p.head_dim / 2u;
  const uint stream = gl_GlobalInvocationID.x / pairs;
  if (row >= step_rows() || stream >= p.streams) return;
  const uint slot = row_slot(row);
  if (slot == kNoSlot) return;
  const uint position = row_position(row);
  const uint place = slot_stopped(slot) ? p.places : cache_place(slot, position);
  const uint e = gl_GlobalInvocationID.x % pairs * 2u;
  const uint heads = p.heads + 2u * p.kv_heads;
  const PairTurn turn = pair_turn(position, e, p);
  for (uint head = stream; head < heads; head += p.streams) {
    const uint base = (row * heads + head) * p.head_dim;
    if (head < p.heads) {
      const vec2 pair = turned_pair(base, e, p.head_dim, p.interleaved, turn);
      const uint at = (row * p.heads + head) * p.head_dim + e;
      y[at] = pair.x;
      y[at + 1u] = pair.y;
    } else if (place < p.places) {
      const bool is_key = head < p.heads + p.kv_heads;
      const uint kv_head = head - p.heads - (is_key ? 0u : p.kv_heads);
      const uint at = (place * p.kv_heads + kv_head) * p.head_dim + e;
      if (is_key) {
        const vec2 pair = turned_pair(base, e, p.head_dim, p.interleaved, turn);
        STORE(cache_k, at, pair);
      } else {
        const vec2 pair = vec2(qkv[base + e], qkv[base + e + 1u]);
        STORE(cache_v, at, pair);
      }
    }
  }
}
