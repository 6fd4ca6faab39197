#version 450
// y[r] = x[r] where the conversation of row r uses the adapter (inverted: does not), otherwise zero; padding rows use none.
// A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/grid.glsl"
#include "shaders/mask_rows.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { MaskRowsParams p; };
layout(binding = 0) readonly buffer X { float x[]; };
#define CONTROL_BINDING 1
#include "shaders/common/control.glsl"
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.rows * p.columns) return;
  const uint row = i / p.columns, slot = row < step_rows() ? row_slot(row) : kNoSlot;
  bool uses = false;
  if (slot != kNoSlot) uses = ((slot_adapters(slot) >> p.adapter) & 1u) != p.inverted;
  y[i] = uses ? x[i] : 0.0;
}
