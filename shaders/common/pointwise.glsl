// The frame of the pointwise ops: y[i] = apply(a[i]) or apply(a[i], b[i]). Include after declaring `T apply(T a, T b)`,
// or `T apply(T a)` with POINTWISE_ONE_INPUT. T = float or vec4; counts are in T. A group of 64 lanes does 64 * turns
// neighbouring elements.
#include "shaders/common/grid.glsl"
#include "shaders/pointwise.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { PointwiseParams p; };
layout(binding = 0) readonly buffer A { T a[]; };
#ifdef POINTWISE_ONE_INPUT
layout(binding = 1) writeonly buffer Y { T y[]; };
#else
layout(binding = 1) readonly buffer B { T b[]; };
layout(binding = 2) writeonly buffer Y { T y[]; };
#endif

void main() {
  uint i = group_number() * 64u * p.turns + gl_LocalInvocationIndex;
  for (uint turn = 0u; turn < p.turns; ++turn, i += 64u) {
    if (i >= p.count) return;
#ifdef POINTWISE_ONE_INPUT
    y[i] = apply(a[i]);
#else
    y[i] = apply(a[i], b[i]);
#endif
  }
}
