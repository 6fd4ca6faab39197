#version 450
// y = softmax(scale q k^T) v of each row over the keys of its span, and the logarithm of the softmax's denominator, which
// the gradients need. Rows without keys become zeros.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/span_attention.glsl"
layout(binding = 4) writeonly buffer Y { vec4 y[]; };              // (rows, heads, HEAD_DIM)
layout(binding = 5) writeonly buffer LogSums { float log_sums[]; };  // (rows, heads)

vec4 query[QUADS], sum[QUADS];

void main() {
  const uint head = gl_WorkGroupID.y, kv_head = head / (p.heads / p.kv_heads);
  const uint row = tile_begin() + gl_LocalInvocationIndex;
  const uint own = min(row, p.rows - 1u);
  [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
    query[d] = q[query_at(own, head) + d] * p.scale;
    sum[d] = vec4(0.0);
  }
  float largest = -1e30, total = 0.0;
  const uvec2 keys = union_of_spans(0u);
  [[dont_unroll]] for (uint key = keys.x; key < keys.y; ++key) {
    const uint at = key_at(key, kv_head);
    vec4 products = vec4(0.0);
    [[unroll]] for (uint d = 0u; d < QUADS; ++d) products += query[d] * k[at + d];
    const bool counts = attends(own, key);
    const float score = sum4(products), now = counts ? max(largest, score) : largest;
    const float rescale = exp(largest - now), weight = counts ? exp(score - now) : 0.0;
    largest = now;
    total = total * rescale + weight;
    [[unroll]] for (uint d = 0u; d < QUADS; ++d) sum[d] = sum[d] * rescale + weight * v[at + d];
  }
  if (row >= p.rows) return;
  [[unroll]] for (uint d = 0u; d < QUADS; ++d) y[query_at(row, head) + d] = total > 0.0 ? sum[d] / total : vec4(0.0);
  log_sums[row * p.heads + head] = total > 0.0 ? largest + log(total) : 0.0;
}
