#version 450
// variants: T=float|vec4
// y[key] = sum, in their order, of dy[i] over the entries i of the key's chain. Rows of y without a chain are not written. One workgroup
// an entry: the first of a chain does it.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/row_chains.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { RowChainsParams p; };
layout(binding = 0) readonly buffer Dy { T dy[]; };
layout(binding = 1) readonly buffer Chains { uint chains[]; };
layout(binding = 2) writeonly buffer Y { T y[]; };

void main() {
  const uint first = group_number();
  if (first >= p.count || (chains[first * kChainWords + 1u] & kChainFirst) == 0u) return;
  const uint key = chains[first * kChainWords];
  for (uint column = gl_LocalInvocationIndex; column < p.columns; column += 64u) {
    T sum = T(0.0);
    uint entry = first;
    do {
      sum += dy[entry * p.columns + column];
      entry = chains[entry * kChainWords + 1u] & kChainEnd;
    } while (entry < p.count);
    y[key * p.columns + column] = sum;
  }
}
