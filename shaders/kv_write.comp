#version 450
// variants: KV=f32|f16
// cache_k[place] = k[row], cache_v[place] = v[row], place by the cache table (f32, or two halves a word).
// Row = workgroup y, one lane a word. Padding rows and rows of stopped slots write nothing.
#extension GL_GOOGLE_include_directive : require
#define CONTROL_BINDING 2
#include "shaders/common/control.glsl"
#include "shaders/kv_write.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { KvWriteParams p; };
layout(binding = 0) readonly buffer K { float k[]; };
layout(binding = 1) readonly buffer V { float v[]; };
#ifdef KV_f16
layout(binding = 3) writeonly buffer CacheK { uint cache_k[]; };
layout(binding = 4) writeonly buffer CacheV { uint cache_v[]; };
#else
layout(binding = 3) writeonly buffer CacheK { float cache_k[]; };
layout(binding = 4) writeonly buffer CacheV { float cache_v[]; };
#endif

void main() {
  const uint row = gl_WorkGroupID.y;
  const uint word = gl_GlobalInvocationID.x;
  if (row >= step_rows() || word >= p.words) return;
  const uint slot = row_slot(row);
  if (slot == kNoSlot || slot_stopped(slot)) return;
  const uint place = cache_place(slot, row_position(row));
  if (place >= p.places) return;
  const uint from = row * p.words + word;
  const uint to = place * p.words + word;
#ifdef KV_f16
  cache_k[to] = packHalf2x16(vec2(k[2u * from], k[2u * from + 1u]));
  cache_v[to] = packHalf2x16(vec2(v[2u * from], v[2u * from + 1u]));
#else
  cache_k[to] = k[from];
  cache_v[to] = v[from];
#endif
}
