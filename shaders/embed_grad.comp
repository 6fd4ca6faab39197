#version 450
// y[i] = sum, in their order, of dy[r] over the rows r whose token is i: of the text, or with VISUAL of the pictures. Zero where there are
// none. One workgroup a row of y.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/embed.h"
layout(local_size_x = 64) in;
layout(constant_id = 0) const bool VISUAL = false;
layout(push_constant) uniform Params { EmbedParams p; };
layout(binding = 0) readonly buffer Dy { float dy[]; };
#define CONTROL_BINDING 1
#include "shaders/common/control.glsl"
layout(binding = 2) writeonly buffer Y { float y[]; };

bool is_of(uint row, uint own) {
  const bool visual = (row_flags(row) & kRowVisual) != 0u;
  return row_slot(row) != kNoSlot && row_token(row) == own && visual == VISUAL;
}

void main() {
  const uint own = group_number();
  if (own >= p.vocabulary) return;
  const uint rows = min(p.rows, step_rows());
  for (uint column = gl_LocalInvocationIndex; column < p.columns; column += 64u) y[own * p.columns + column] = 0.0;
  uint first = rows;
  for (uint row = 0u; row < rows && first == rows; ++row)
    if (is_of(row, own)) first = row;
  for (uint column = gl_LocalInvocationIndex; column < p.columns && first < rows; column += 64u) {
    float sum = 0.0;
    for (uint row = first; row < rows; ++row)
      if (is_of(row, own)) sum += dy[row * p.columns + column];
    y[own * p.columns + column] = sum;
  }
}
