#version 450
// dv = w dy and dk = scale * ds q with w and ds as in span_attention_grad_q.comp, over the rows and heads that attend to each key.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/span_attention.glsl"
layout(binding = 4) readonly buffer Dy { vec4 dy[]; };
layout(binding = 5) readonly buffer Sums { vec2 sums[]; };  // (rows, heads) of (log sum, delta)
layout(binding = 6) writeonly buffer Dk { vec4 dk[]; };
layout(binding = 7) writeonly buffer Dv { vec4 dv[]; };

vec4 key[QUADS], value[QUADS], key_sum[QUADS], value_sum[QUADS];

void main() {
  const uint kv_head = gl_WorkGroupID.y, group = p.heads / p.kv_heads;
  const uint row = tile_begin() + gl_LocalInvocationIndex;
  const uint own = min(row, p.rows - 1u);
  [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
    key[d] = k[key_at(own, kv_head) + d] * p.scale;
    value[d] = v[key_at(own, kv_head) + d];
    key_sum[d] = value_sum[d] = vec4(0.0);
  }
  const uvec2 queries = union_of_spans(2u);
  [[dont_unroll]] for (uint number = queries.x * group; number < queries.y * group; ++number) {
    const uint query_row = number / group, head = kv_head * group + number % group;
    const uint at = query_at(query_row, head);
    vec4 scores = vec4(0.0), slopes = vec4(0.0);
    [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
      scores += key[d] * q[at + d];
      slopes += value[d] * dy[at + d];
    }
    const vec2 row_sums = sums[query_row * p.heads + head];
    const float weight = attends(query_row, own) ? exp(sum4(scores) - row_sums.x) : 0.0;
    const float ds = weight * (sum4(slopes) - row_sums.y);
    [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
      key_sum[d] += ds * q[at + d];
      value_sum[d] += weight * dy[at + d];
    }
  }
  if (row >= p.rows) return;
  [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
    dk[key_at(row, kv_head) + d] = key_sum[d] * p.scale;
    dv[key_at(row, kv_head) + d] = value_sum[d];
  }
}
