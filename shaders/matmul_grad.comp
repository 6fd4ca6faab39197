#version 450
// dx = dy weight: the gradient of a product's input, from the packed weight as it is.
//
// A lane owns 8 neighbouring columns (a piece of the weight's layout) x kGradTokens tokens: x -> pieces, workgroup y and z -> tokens,
// or tiles of a work list. It dequantises the piece of each weight row once and uses it for all its tokens, whose dy is
// the same for all lanes. Sums run over the weight's rows in order; where they lie in several pages, each dispatch adds
// to what is there. With slices (shaders/common/slices.glsl) each takes four weight rows in turn.
//
// variants: WEIGHT=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q4_k|q5_k|q6_k
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/matmul_grad.h"
layout(constant_id = 1) const bool ADDS = false;
layout(push_constant) uniform Params { MatmulGradParams p; };
layout(binding = 0) readonly restrict buffer Dy { float dy[]; };
layout(binding = 1) readonly restrict buffer W { uint w[]; };
layout(binding = 2) restrict buffer Dx { float dx[]; };
layout(binding = 3) readonly restrict buffer List { uint list[]; };
layout(constant_id = 11) const bool GROUPED = false;
layout(constant_id = 12) const bool GATHER = false;  // dy has the rows that the pairs name, otherwise one row a pair

uint load_word(uint at) { return w[at]; }
#include "shaders/common/weights.glsl"
#include "shaders/common/expert_tiles.glsl"

const uint TN = kGradTokens;
float sums[TN][8];
const uint SLICE_SUMS = TN * 8u;
#define SLICE_SUM(i) sums[(i) / 8u][(i) % 8u]
#include "shaders/common/slices.glsl"
uint dy_at[TN];

void add_row(uint row, uint n, uint unit_at, uint sub, uint piece) {
  const uint unit = weight_row(row, p.units) + unit_at;
  vec4 a, b;
  weight_piece(unit, sub, piece, a, b);
#if SCALED
  const vec2 dm = weight_scale(unit, sub, piece);
  a = fma(a, dm.xxxx, dm.yyyy);
  b = fma(b, dm.xxxx, dm.yyyy);
#endif
  const float v[8] = float[8](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w);
  [[unroll]] for (uint t = 0u; t < TN; ++t) {
    const float d = dy[dy_at[t] + n];
    [[unroll]] for (uint i = 0u; i < 8u; ++i) sums[t][i] = fma(v[i], d, sums[t][i]);
  }
}

void main() {
  const uint lane = lane_of_outputs(), slice = slice_of_outputs();
  const uint number = gl_WorkGroupID.x * LANES + lane, block = number / 4u, piece = number % 4u;
  const uint tile_number = gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y;
  uint first = tile_number * TN, count = first < p.tokens ? min(TN, p.tokens - first) : 0u, expert_row = 0u;
  if (GROUPED) {
    const ExpertTile tile = expert_tile(tile_number, TN, p.starts_at, p.first_expert, p.experts);
    first = tile.first;
    count = tile.count;
    expert_row = (tile.expert - p.first_expert) * p.expert_rows;
  }
  if (count == 0u) return;
  const uint units_end = p.units * UNIT_BLOCKS;
  const uint own_block = min(block, units_end - 1u);
  const uint unit_at = own_block / UNIT_BLOCKS * UNIT_WORDS * 32u, sub = own_block % UNIT_BLOCKS;
  [[unroll]] for (uint t = 0u; t < TN; ++t) {
    const uint token = first + min(t, count - 1u);
    dy_at[t] = (GROUPED && GATHER ? list[p.rows_at + token] : token) * p.dy_columns + p.first;
    [[unroll]] for (uint i = 0u; i < 8u; ++i) sums[t][i] = 0.0;
  }
  const uint row = expert_row + p.row, whole = p.count / 4u * 4u;
  for (uint n = slice * 4u; n < whole; n += 4u * SLICES) {
    [[unroll]] for (uint i = 0u; i < 4u; ++i) add_row(row + n + i, n + i, unit_at, sub, piece);
  }
  for (uint n = whole + slice; n < p.count; n += SLICES) add_row(row + n, n, unit_at, sub, piece);
  add_slices(lane, slice);
  if (slice > 0u) return;
  [[unroll]] for (uint t = 0u; t < TN; ++t) {
    [[unroll]] for (uint i = 0u; i < 8u; ++i) {
      const uint column = number * 8u + i;
      if (t >= count || column >= p.columns) continue;
      const uint at = (first + t) * p.columns + column;
      dx[at] = ADDS ? dx[at] + sums[t][i] : sums[t][i];
    }
  }
}
