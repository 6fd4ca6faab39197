#version 450
// variants: WIDTH=1|4
// matrix[e] = scale * sum over the pairs of expert e of a[pair]^T b[pair]: (experts, m, n), zero for experts without pairs.
//
// A lane owns HEIGHT rows x WIDTH columns of one matrix: x -> columns, workgroup y -> rows, z -> expert. Sums run over the
// pairs in order; with slices (shaders/common/slices.glsl) each takes a pair in turn.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/expert_gemm.h"
layout(constant_id = 1) const bool GATHER_A = false;  // a has the rows that the pairs name, otherwise one row a pair
layout(constant_id = 2) const bool GATHER_B = false;
layout(push_constant) uniform Params { ExpertGemmParams p; };
layout(binding = 0) readonly buffer A { float a[]; };
layout(binding = 1) readonly buffer B { float b[]; };
layout(binding = 2) readonly buffer List { uint list[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

const uint HEIGHT = kOuterTileRows;
float sums[HEIGHT][WIDTH];
const uint SLICE_SUMS = HEIGHT * WIDTH;
#define SLICE_SUM(i) sums[(i) / WIDTH][(i) % WIDTH]
#include "shaders/common/slices.glsl"

void main() {
  const uint expert = gl_WorkGroupID.z;
  const uint begin = list[p.starts_at + expert], end = list[p.starts_at + expert + 1u];
  const uint lane = lane_of_outputs(), slice = slice_of_outputs();
  const uint column = gl_WorkGroupID.x * (LANES * WIDTH) + lane;
  const uint row = gl_WorkGroupID.y * HEIGHT;
  uint columns[WIDTH];
  [[unroll]] for (uint c = 0u; c < WIDTH; ++c) {
    columns[c] = min(column + c * LANES, p.n - 1u);
    [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) sums[t][c] = 0.0;
  }
  for (uint pair = begin + slice; pair < end; pair += SLICES) {
    const uint named = list[p.rows_at + pair];
    const uint a_at = (GATHER_A ? named : pair) * p.m, b_at = (GATHER_B ? named : pair) * p.n;
    float bs[WIDTH];
    [[unroll]] for (uint c = 0u; c < WIDTH; ++c) bs[c] = b[b_at + columns[c]];
    [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
      const float value = a[a_at + min(row + t, p.m - 1u)];
      [[unroll]] for (uint c = 0u; c < WIDTH; ++c) sums[t][c] = fma(value, bs[c], sums[t][c]);
    }
  }
  add_slices(lane, slice);
  if (slice > 0u) return;
  [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
    [[unroll]] for (uint c = 0u; c < WIDTH; ++c) {
      if (row + t < p.m && column + c * LANES < p.n)
        y[(expert * p.m + row + t) * p.n + column + c * LANES] = sums[t][c] * p.scale;
    }
  }
}
