#version 450
// variants: FORM=nn|tn HEIGHT=8|16
// y = op(a) b (+ addend) as in gemm.comp, read and written as vectors of four neighbouring columns: n is a multiple of 4, and so are the
// columns of a as it lies in memory (k for nn, m for tn).
//
// A lane owns HEIGHT rows x 4 columns: x -> columns, lanes neighbouring; workgroup y and z -> rows. Values of a are read at uniform
// addresses, four with a load. Each sum runs over k in order. Rows and columns past the end are computed as the last ones and not
// stored.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/gemm.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const bool HAS_ADDEND = false;
layout(push_constant) uniform Params { GemmParams p; };
layout(binding = 0) readonly buffer A { vec4 a[]; };
layout(binding = 1) readonly buffer B { vec4 b[]; };
layout(binding = 2) readonly buffer Addend { vec4 addend[]; };
layout(binding = 3) writeonly buffer Y { vec4 y[]; };

vec4 add_product(float value, vec4 of, vec4 sum) { return fma(vec4(value), of, sum); }

void main() {
  const uint n = p.n / 4u, column = gl_WorkGroupID.x * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  const uint row = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) * HEIGHT;
  if (row >= p.m) return;
  const uint read = min(column, n - 1u);
  vec4 sums[HEIGHT];
  [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) sums[t] = vec4(0.0);

#ifdef FORM_nn
  const uint terms = p.k / 4u;
  for (uint k = 0u; k < terms; ++k) {
    vec4 bs[4];
    [[unroll]] for (uint i = 0u; i < 4u; ++i) bs[i] = b[(4u * k + i) * n + read];
    [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
      const vec4 value = a[min(row + t, p.m - 1u) * terms + k];
      [[unroll]] for (uint i = 0u; i < 4u; ++i) sums[t] = add_product(value[i], bs[i], sums[t]);
    }
  }
#else
  const uint m = p.m / 4u;
  for (uint k = 0u; k < p.k; ++k) {
    const vec4 bs = b[k * n + read];
    [[unroll]] for (uint t = 0u; t < HEIGHT; t += 4u) {
      const vec4 value = a[k * m + min((row + t) / 4u, m - 1u)];
      [[unroll]] for (uint i = 0u; i < 4u; ++i) sums[t + i] = add_product(value[i], bs, sums[t + i]);
    }
  }
#endif

  if (column >= n) return;
  [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
    if (row + t >= p.m) continue;
    const uint at = (row + t) * n + column;
    y[at] = HAS_ADDEND ? sums[t] + addend[at] : sums[t];
  }
}
