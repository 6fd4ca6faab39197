#version 450
// As embed.comp, for a trained table: plain f32 (vocabulary, columns). A lane an element: x -> columns, y -> row.
#extension GL_GOOGLE_include_directive : require
#include "shaders/embed.h"
layout(local_size_x = 64) in;
layout(constant_id = 0) const bool HAS_VISUAL = false;
layout(push_constant) uniform Params { EmbedParams p; };
layout(binding = 0) readonly buffer Table { float table[]; };
#define CONTROL_BINDING 1
#include "shaders/common/control.glsl"
layout(binding = 2) writeonly buffer Y { float y[]; };
layout(binding = 3) readonly buffer Visual { float visual[]; };

void main() {
  const uint column = gl_GlobalInvocationID.x, row = gl_WorkGroupID.y;
  if (column >= p.columns || row >= p.rows) return;
  const bool used = row < step_rows() && row_slot(row) != kNoSlot;
  const uint token = used ? row_token(row) : 0u;
  const bool is_visual = HAS_VISUAL && used && (row_flags(row) & kRowVisual) != 0u;
  float value = 0.0;
  if (is_visual) value = token < p.visual_rows ? visual[token * p.columns + column] : 0.0;
  else if (used && token < p.vocabulary) value = table[token * p.columns + column];
  y[row * p.columns + column] = value;
}
