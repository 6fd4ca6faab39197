#version 450
// dq = scale * ds k with ds = w (dy . v - delta) and w = exp(scale q . k - log_sum), over the keys of each row's span.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/span_attention.glsl"
layout(binding = 4) readonly buffer Dy { vec4 dy[]; };
layout(binding = 5) readonly buffer Sums { vec2 sums[]; };  // (rows, heads) of (log sum, delta)
layout(binding = 6) writeonly buffer Dq { vec4 dq[]; };

vec4 query[QUADS], slope[QUADS], sum[QUADS];

void main() {
  const uint head = gl_WorkGroupID.y, kv_head = head / (p.heads / p.kv_heads);
  const uint row = tile_begin() + gl_LocalInvocationIndex;
  const uint own = min(row, p.rows - 1u);
  [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
    query[d] = q[query_at(own, head) + d] * p.scale;
    slope[d] = dy[query_at(own, head) + d];
    sum[d] = vec4(0.0);
  }
  const vec2 row_sums = sums[own * p.heads + head];
  const uvec2 keys = union_of_spans(0u);
  [[dont_unroll]] for (uint key = keys.x; key < keys.y; ++key) {
    const uint at = key_at(key, kv_head);
    vec4 scores = vec4(0.0), slopes = vec4(0.0);
    [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
      scores += query[d] * k[at + d];
      slopes += slope[d] * v[at + d];
    }
    const float weight = attends(own, key) ? exp(sum4(scores) - row_sums.x) : 0.0;
    const float ds = weight * (sum4(slopes) - row_sums.y);
    [[unroll]] for (uint d = 0u; d < QUADS; ++d) sum[d] += ds * k[at + d];
  }
  if (row >= p.rows) return;
  [[unroll]] for (uint d = 0u; d < QUADS; ++d) dq[query_at(row, head) + d] = sum[d] * p.scale;
}
