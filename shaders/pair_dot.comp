#version 450
// y[routing row, e] = scale * sum over the rows that share it of a[pair] . b[row of the pair, or the pair]; 0 for experts that
// are not chosen. A lane an element of y.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/scale_pairs.h"
layout(local_size_x = 64) in;
layout(constant_id = 0) const bool GATHER = false;  // b has one row a row, otherwise one a pair
layout(push_constant) uniform Params { PairParams p; };
layout(binding = 0) readonly buffer A { float a[]; };
layout(binding = 1) readonly buffer B { float b[]; };
layout(binding = 2) readonly buffer Weights { float weights[]; };  // (rows / share, experts)
layout(binding = 3) readonly buffer List { uint list[]; };
layout(binding = 4) writeonly buffer Y { float y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.rows / p.share * p.experts) return;
  const uint e = i % p.experts, first = i / p.experts * p.share;
  float sum = 0.0;
  if (weights[i] != 0.0) {
    for (uint row = first; row < first + p.share; ++row) {
      const uint pair = list[p.places_at + row * p.experts + e];
      const uint a_at = pair * p.columns, b_at = (GATHER ? row : pair) * p.columns;
      float dot_of_row = 0.0;
      for (uint c = 0u; c < p.columns; ++c) dot_of_row = fma(a[a_at + c], b[b_at + c], dot_of_row);
      sum += dot_of_row;
    }
  }
  y[i] = p.scale * sum;
}
