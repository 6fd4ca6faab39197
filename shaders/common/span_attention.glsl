// What the span_attention shaders share. A workgroup is LANES neighbouring rows (x) of one head (y); each lane owns a row and
// holds its vectors in registers. The rows of the other side are read one after the other at addresses that are the same
// for all lanes: those in the union of the lanes' spans, counted only by the lanes whose span they are in.
#extension GL_EXT_control_flow_attributes : require
#include "shaders/span_attention.h"
layout(local_size_x_id = 1) in;
layout(constant_id = 0) const uint HEAD_DIM = 64;  // a multiple of 4
layout(constant_id = 1) const uint LANES = 16;
layout(push_constant) uniform Params { SpanAttentionParams p; };
layout(binding = 0) readonly buffer Spans { uint spans[]; };  // (rows, kSpanWords)
layout(binding = 1) readonly buffer Q { vec4 q[]; };          // (rows, heads, HEAD_DIM)
layout(binding = 2) readonly buffer K { vec4 k[]; };          // (rows, kv_heads, HEAD_DIM)
layout(binding = 3) readonly buffer V { vec4 v[]; };          // (rows, kv_heads, HEAD_DIM)

const uint QUADS = HEAD_DIM / 4u;

uint tile_begin() { return gl_WorkGroupID.x * LANES; }
uint tile_end() { return min(tile_begin() + LANES, p.rows); }
uint query_at(uint row, uint head) { return (row * p.heads + head) * QUADS; }
uint key_at(uint row, uint kv_head) { return (row * p.kv_heads + kv_head) * QUADS; }

// The rows first .. end - 1 that the spans of a tile's rows cover together; `word` 0: keys, 2: queries.
uvec2 union_of_spans(uint word) {
  uvec2 whole = uvec2(0xffffffffu, 0u);
  [[dont_unroll]] for (uint row = tile_begin(); row < tile_end(); ++row) {
    const uint first = spans[row * kSpanWords + word], end = spans[row * kSpanWords + word + 1u];
    if (first < end) whole = uvec2(min(whole.x, first), max(whole.y, end));
  }
  return uvec2(whole.x, min(whole.y, p.rows));
}

bool attends(uint row, uint key) {
  const uint own = row * kSpanWords, other = key * kSpanWords;
  return spans[own] <= key && key < spans[own + 1u] && spans[other + 2u] <= row && row < spans[other + 3u];
}
float sum4(vec4 a) { return (a.x + a.y) + (a.z + a.w); }
