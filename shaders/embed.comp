#version 450
// y[r] = table[token of row r], dequantised, or visual[token of row r] for visual rows. Padding rows and tokens outside
// the table become zeros.
//
// A lane writes 8 columns: x -> piece of 8 columns, y -> row. One dispatch a page: each writes the rows whose token lies
// in it.
//
// variants: WEIGHT=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q4_k|q5_k|q6_k
#extension GL_GOOGLE_include_directive : require
#include "shaders/embed.h"
layout(local_size_x = 32) in;
layout(push_constant) uniform Params { EmbedParams p; };
layout(binding = 0) readonly restrict buffer Table { uint table[]; };
#define CONTROL_BINDING 1
#include "shaders/common/control.glsl"
layout(binding = 2) writeonly restrict buffer Y { float y[]; };
layout(constant_id = 0) const bool HAS_VISUAL = false;
layout(binding = 3) readonly buffer Visual { float visual[]; };

uint load_word(uint at) { return table[at]; }
#include "shaders/common/weights.glsl"

void main() {
  const uint column = gl_GlobalInvocationID.x * 8u;
  const uint row = gl_WorkGroupID.y;
  if (column >= p.columns || row >= p.rows) return;
  const bool used = row_in_use(row);
  const uint token = used ? row_token(row) : 0u;
  const bool is_visual = HAS_VISUAL && used && (row_flags(row) & kRowVisual) != 0u;
  const bool inside = used && !is_visual && token < p.vocabulary;
  vec4 a = vec4(0.0), b = vec4(0.0);
  if (inside) {
    if (token < p.first || token - p.first >= p.count) return;
    const uint block = column / 32u;
    const uint unit = weight_row(p.row + token - p.first, p.units) + block / UNIT_BLOCKS * UNIT_WORDS * 32u;
    const uint sub = block % UNIT_BLOCKS;
    const uint piece = column / 8u % 4u;
    const vec2 dm = weight_scale(unit, sub, piece);
    weight_piece(unit, sub, piece, a, b);
    if (SCALED == 1) {
      a = SHIFTED == 1 ? fma(a, dm.xxxx, dm.yyyy) : a * dm.x;
      b = SHIFTED == 1 ? fma(b, dm.xxxx, dm.yyyy) : b * dm.x;
    }
  } else if (p.last == 0u) {
    return;
  } else if (is_visual && token < p.visual_rows) {
    const uint at = token * p.columns + column;
    for (uint i = 0u; i < 8u && column + i < p.columns; ++i) {
      if (i < 4u) a[i] = visual[at + i];
      else b[i - 4u] = visual[at + i];
    }
  }
  for (uint i = 0u; i < 8u && column + i < p.columns; ++i) y[row * p.columns + column + i] = i < 4u ? a[i] : b[i - 4u];
}
