// What the attention shaders share: control at binding 0, q at 1, the caches at 2 and 3 (unless CONTROL_ONLY), and which
// positions a row attends to. Include after declaring HEAD_DIM (a constant) and the params `p` of type AttentionParams.
#ifndef LORIKEET_COMMON_ATTENTION_GLSL
#define LORIKEET_COMMON_ATTENTION_GLSL
#define CONTROL_BINDING 0
#include "shaders/common/control.glsl"

#ifndef CONTROL_ONLY
layout(binding = 1) readonly buffer Q { float q[]; };
#ifdef KV_f16
layout(binding = 2) readonly buffer CacheK { uint cache_k[]; };
layout(binding = 2) readonly buffer CacheK2 { uvec2 cache_k2[]; };
layout(binding = 3) readonly buffer CacheV { uint cache_v[]; };
layout(binding = 3) readonly buffer CacheV2 { uvec2 cache_v2[]; };
vec4 halves4(uvec2 words) { return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y)); }
float half1(uint word, uint at) {
  const vec2 pair = unpackHalf2x16(word);
  return (at & 1u) == 0u ? pair.x : pair.y;
}
// One element; four neighbouring ones, at % 4 == 0.
float key1(uint at) { return half1(cache_k[at / 2u], at); }
float value1(uint at) { return half1(cache_v[at / 2u], at); }
vec4 key4(uint at) { return halves4(cache_k2[at / 4u]); }
vec4 value4(uint at) { return halves4(cache_v2[at / 4u]); }
#else
layout(binding = 2) readonly buffer CacheK { float cache_k[]; };
layout(binding = 2) readonly buffer CacheK4 { vec4 cache_k4[]; };
layout(binding = 3) readonly buffer CacheV { float cache_v[]; };
layout(binding = 3) readonly buffer CacheV4 { vec4 cache_v4[]; };
float key1(uint at) { return cache_k[at]; }
float value1(uint at) { return cache_v[at]; }
vec4 key4(uint at) { return cache_k4[at / 4u]; }
vec4 value4(uint at) { return cache_v4[at / 4u]; }
#endif
#endif

const float kNoScore = -1e30;  // of a position that is not attended to; finite, so that differences are no NaN

uint kv_stride() { return p.kv_heads * HEAD_DIM; }
uint first_position(uint position) { return p.window != 0u && position >= p.window ? position + 1u - p.window : 0u; }
uint block_place(uint slot, uint block) { return control[control[6] + slot * control[7] + block] * kKvBlockPositions; }

// Tiles of 64 positions that a split works on: splits are equal and no smaller than two tiles, so how a row is cut
// depends on its own position alone.
uint tiles_of(uint position) { return position / 64u - first_position(position) / 64u + 1u; }
uint tiles_a_split(uint position) { return max(2u, (tiles_of(position) + p.splits - 1u) / p.splits); }
uint splits_of(uint position) { return (tiles_of(position) + tiles_a_split(position) - 1u) / tiles_a_split(position); }
#endif
