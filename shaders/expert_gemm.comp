#version 450
// variants: FORM=nn|nt|nt4 HEIGHT=1|8 WIDTH=1|4
// y[pair] = scale * x[row of the pair] matrix of its expert (+ addend[pair]): plain f32 matrices, (k, n), or with nt
// (n, k); nt4 where k is a multiple of 4. With SCATTER instead y[row] += scale * weight of the pair * ...: pairs of a row
// have different experts, so either a dispatch does one expert, or its workgroups y and z are one, which does all in order.
//
// A lane owns HEIGHT pairs of one expert x WIDTH columns: x -> columns, lanes neighbouring, the lane's own columns LANES apart;
// workgroup y and z -> tiles of pairs. Values of x are read at uniform addresses. Each sum runs over k in order. With slices (shaders/common/slices.glsl) each takes a few terms in turn.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/expert_gemm.h"
layout(constant_id = 1) const bool GATHER = false;  // x has the rows that the pairs name, otherwise one row a pair
layout(constant_id = 2) const bool HAS_ADDEND = false;
layout(constant_id = 3) const bool SCATTER = false;
layout(constant_id = 4) const bool WEIGHTED = false;
layout(push_constant) uniform Params { ExpertGemmParams p; };
#include "shaders/common/terms.glsl"
layout(binding = 0) readonly buffer X { VALUE x[]; };
layout(binding = 1) readonly buffer Stack { VALUE stack[]; };
layout(binding = 2) readonly buffer List { uint list[]; };
layout(binding = 3) readonly buffer Addend { float addend[]; };
layout(binding = 4) buffer Y { float y[]; };
layout(binding = 5) readonly buffer Weights { float weights[]; };  // (rows / share, weight_columns)
#include "shaders/common/expert_tiles.glsl"

#ifdef FORM_nt
#define STACK_BEGIN(column) ((column) * (p.k / VALUE_TERMS))
#define STACK_STEP 1u
#else
#define STACK_BEGIN(column) (column)
#define STACK_STEP p.n
#endif

float sums[HEIGHT][WIDTH];
const uint SLICE_SUMS = HEIGHT * WIDTH;
#define SLICE_SUM(i) sums[(i) / WIDTH][(i) % WIDTH]
#include "shaders/common/slices.glsl"
uint x_at[HEIGHT], stack_at[WIDTH];

#define STEPS(count) { \
    VALUE bs[count][WIDTH]; \
    [[unroll]] for (uint i = 0u; i < count; ++i) \
      [[unroll]] for (uint c = 0u; c < WIDTH; ++c) bs[i][c] = stack[stack_at[c] + (k + i) * STACK_STEP]; \
    [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) \
      [[unroll]] for (uint i = 0u; i < count; ++i) { \
        const VALUE value = x[x_at[t] + k + i]; \
        [[unroll]] for (uint c = 0u; c < WIDTH; ++c) sums[t][c] = add_product(value, bs[i][c], sums[t][c]); \
      } \
  }

void do_tile(ExpertTile tile, uint lane, uint slice) {
  const uint column = gl_WorkGroupID.x * (LANES * WIDTH) + lane;
  [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
    const uint pair = tile.first + min(t, tile.count - 1u);
    x_at[t] = (GATHER ? list[p.rows_at + pair] : pair) * (p.k / VALUE_TERMS);
    [[unroll]] for (uint c = 0u; c < WIDTH; ++c) sums[t][c] = 0.0;
  }
  const uint matrix = tile.expert * p.n * (p.k / VALUE_TERMS);
  [[unroll]] for (uint c = 0u; c < WIDTH; ++c) stack_at[c] = matrix + STACK_BEGIN(min(column + c * LANES, p.n - 1u));

  const uint values = p.k / VALUE_TERMS, whole = values / TURN * TURN;
  for (uint k = slice * TURN; k < whole; k += TURN * SLICES) STEPS(TURN)
  for (uint k = whole + slice; k < values; k += SLICES) STEPS(1)
  add_slices(lane, slice);
  if (slice > 0u) return;

  [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
    uint y_row = tile.first + t;
    float by = p.scale;
    if (SCATTER) {
      y_row = list[p.rows_at + tile.first + min(t, tile.count - 1u)];
      if (WEIGHTED) by *= weights[y_row / p.share * p.weight_columns + tile.expert];
    }
    [[unroll]] for (uint c = 0u; c < WIDTH; ++c) {
      if (t >= tile.count || column + c * LANES >= p.n) continue;
      const uint at = y_row * p.n + column + c * LANES;
      const float before = SCATTER ? y[at] : HAS_ADDEND ? addend[at] : 0.0;
      y[at] = fma(sums[t][c], by, before);
    }
  }
}

void main() {
#ifdef FORM_nt
  const uint lane = lane_of_terms(), slice = slice_of_terms();
#else
  const uint lane = lane_of_outputs(), slice = slice_of_outputs();
#endif
  // A workgroup takes every so many tiles: software devices pay for groups without one.
  const uint groups = gl_NumWorkGroups.y * gl_NumWorkGroups.z;
  for (uint number = gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y;; number += groups) {
    const ExpertTile tile = expert_tile(number, HEIGHT, p.starts_at, p.first_expert, p.experts);
    if (tile.count == 0u) break;
    do_tile(tile, lane, slice);
  }
}
