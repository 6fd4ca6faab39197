#version 450
// Of pooled = a text and a = softmax(scale query text^T), where da is all that comes to a:
//   ds = scale a (da - sum(a da)),  dquery = ds text,  dtext = ds^T query + a^T dpooled, 0 for rows not in use.
// A lane a column, y -> query.
#extension GL_GOOGLE_include_directive : require
#include "shaders/cross_attention.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { CrossAttentionParams p; };
layout(binding = 0) readonly buffer Query { float query[]; };
layout(binding = 1) readonly buffer Text { float text[]; };
#define CONTROL_BINDING 2
#include "shaders/common/control.glsl"
layout(binding = 3) readonly buffer Attention { float attention[]; };
layout(binding = 4) readonly buffer Dattention { float dattention[]; };
layout(binding = 5) readonly buffer Dpooled { float dpooled[]; };
layout(binding = 6) writeonly buffer Dquery { float dquery[]; };
layout(binding = 7) writeonly buffer Dtext { float dtext[]; };

void main() {
  const uint own = gl_WorkGroupID.y, first = own * p.rows, end = first + p.rows;
  float mean = 0.0;
  for (uint i = first + gl_LocalInvocationIndex; i < end; i += LANES)
    if (row_in_use(i)) mean = fma(attention[i], dattention[i], mean);
  mean = group_sum(mean);
  const uint column = gl_GlobalInvocationID.x;
  if (column >= p.columns) return;
  const float asks = query[own * p.columns + column], pools = dpooled[own * p.columns + column];
  float sum = 0.0;
  for (uint i = first; i < end; ++i) {
    const uint at = i * p.columns + column;
    float made = 0.0;
    if (row_in_use(i)) {
      const float ds = p.scale * attention[i] * (dattention[i] - mean);
      sum = fma(ds, text[at], sum);
      made = fma(ds, asks, attention[i] * pools);
    }
    dtext[at] = made;
  }
  dquery[own * p.columns + column] = sum;
}
