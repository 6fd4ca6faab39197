#version 450
// y[i] = sum, in their order, of dy[r] over the rows r whose token is i: of the text, or with VISUAL of the pictures. One workgroup a row
// of dy: the first row of a token writes its sum. Rows of y that no token has are not written.
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
  if (row_token(row) != own) return false;
  return ((row_flags(row) & kRowVisual) != 0u) == VISUAL && row_slot(row) != kNoSlot;
}

void main() {
  const uint first = group_number(), rows = min(p.rows, step_rows());
  if (first >= rows) return;
  const uint own = row_token(first);
  if (own >= p.vocabulary || !is_of(first, own)) return;
  for (uint row = 0u; row < first; ++row)
    if (is_of(row, own)) return;
  for (uint column = gl_LocalInvocationIndex; column < p.columns; column += 64u) {
    float sum = 0.0;
    for (uint row = first; row < rows; ++row)
      if (is_of(row, own)) sum += dy[row * p.columns + column];
    y[own * p.columns + column] = sum;
  }
}
