#version 450
// variants: FORM=nn|nt WIDTH=1|4
// y[pair] = scale * x[row of the pair] matrix of its expert (+ addend[pair]): plain f32 matrices, (k, n), or with nt (n, k).
//
// A lane owns HEIGHT pairs of one expert x WIDTH columns: x -> columns, lanes neighbouring, the lane's own columns LANES apart;
// workgroup y and z -> tiles of pairs. Values of x are read at uniform addresses. Each sum runs over k in order.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/expert_gemm.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
layout(constant_id = 1) const bool GATHER = false;  // x has the rows that the pairs name, otherwise one row a pair
layout(constant_id = 2) const bool HAS_ADDEND = false;
layout(push_constant) uniform Params { ExpertGemmParams p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Stack { float stack[]; };
layout(binding = 2) readonly buffer List { uint list[]; };
layout(binding = 3) readonly buffer Addend { float addend[]; };
layout(binding = 4) writeonly buffer Y { float y[]; };
#include "shaders/common/expert_tiles.glsl"

const uint HEIGHT = kExpertTileRows;
#ifdef FORM_nt
#define STACK_BEGIN(column) ((column) * p.k)
#define STACK_STEP 1u
#else
#define STACK_BEGIN(column) (column)
#define STACK_STEP p.n
#endif

float sums[HEIGHT][WIDTH];
uint x_at[HEIGHT], stack_at[WIDTH];

#define STEPS(count) { \
    float bs[count][WIDTH]; \
    [[unroll]] for (uint i = 0u; i < count; ++i) \
      [[unroll]] for (uint c = 0u; c < WIDTH; ++c) bs[i][c] = stack[stack_at[c] + (k + i) * STACK_STEP]; \
    [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) \
      [[unroll]] for (uint i = 0u; i < count; ++i) { \
        const float value = x[x_at[t] + k + i]; \
        [[unroll]] for (uint c = 0u; c < WIDTH; ++c) sums[t][c] = fma(value, bs[i][c], sums[t][c]); \
      } \
  }

void main() {
  const ExpertTile tile =
      expert_tile(gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y, HEIGHT, p.starts_at, 0u, p.experts);
  if (tile.count == 0u) return;
  const uint column = gl_WorkGroupID.x * (LANES * WIDTH) + gl_LocalInvocationIndex;
  [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
    const uint pair = tile.first + min(t, tile.count - 1u);
    x_at[t] = (GATHER ? list[p.rows_at + pair] : pair) * p.k;
    [[unroll]] for (uint c = 0u; c < WIDTH; ++c) sums[t][c] = 0.0;
  }
  const uint matrix = tile.expert * p.n * p.k;
  [[unroll]] for (uint c = 0u; c < WIDTH; ++c) stack_at[c] = matrix + STACK_BEGIN(min(column + c * LANES, p.n - 1u));

  const uint whole = p.k / 4u * 4u;
  for (uint k = 0u; k < whole; k += 4u) STEPS(4)
  for (uint k = whole; k < p.k; ++k) STEPS(1)

  [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
    [[unroll]] for (uint c = 0u; c < WIDTH; ++c) {
      if (t >= tile.count || column + c * LANES >= p.n) continue;
      const uint at = (tile.first + t) * p.n + column + c * LANES;
      y[at] = HAS_ADDEND ? fma(sums[t][c], p.scale, addend[at]) : sums[t][c] * p.scale;
    }
  }
}
