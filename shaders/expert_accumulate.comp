#version 450
// variants: FORM=nn|nt|nt4 HEIGHT=1|4 WIDTH=1|4
// y[r] = base[r] + scale * sum over the experts that row r chose, in their order, of weight * (x[pair] matrix of the expert):
// plain f32 matrices, (k, n), or with nt (n, k); nt4 where k is a multiple of 4. No row a pair of n columns is ever stored.
//
// A lane owns HEIGHT rows x WIDTH columns: x -> columns, workgroup y and z -> rows. Which of the rows chose an expert is the
// same for all lanes, so that the others cost nothing. Some compilers fail at larger tiles.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/expert_gemm.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
layout(constant_id = 1) const bool HAS_BASE = false;
layout(constant_id = 2) const bool WEIGHTED = true;  // false: weights only say who is chosen
layout(push_constant) uniform Params { ExpertGemmParams p; };
#include "shaders/common/terms.glsl"
layout(binding = 0) readonly buffer X { VALUE x[]; };              // (pairs, k)
layout(binding = 1) readonly buffer Stack { VALUE stack[]; };
layout(binding = 2) readonly buffer Weights { float weights[]; };  // (rows / share, experts)
layout(binding = 3) readonly buffer List { uint list[]; };
layout(binding = 4) readonly buffer Base { float base[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

const uint STEPS = VALUE_TERMS == 4u ? 1u : 4u;
#ifdef FORM_nt
#define STACK_BEGIN(column) ((column) * (p.k / VALUE_TERMS))
#define STACK_STEP 1u
#else
#define STACK_BEGIN(column) (column)
#define STACK_STEP p.n
#endif

float sums[HEIGHT][WIDTH];

void main() {
  const uint column = gl_WorkGroupID.x * (LANES * WIDTH) + gl_LocalInvocationIndex;
  const uint first = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) * HEIGHT;
  if (first >= p.m) return;
  uint stack_at[WIDTH];
  [[unroll]] for (uint c = 0u; c < WIDTH; ++c) {
    stack_at[c] = STACK_BEGIN(min(column + c * LANES, p.n - 1u));
    [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) sums[t][c] = 0.0;
  }
  const uint values = p.k / VALUE_TERMS;
  for (uint e = 0u; e < p.experts; ++e) {
    float weight[HEIGHT];
    uint x_at[HEIGHT];
    bool any = false;
    [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
      const uint row = min(first + t, p.m - 1u);
      weight[t] = first + t < p.m ? weights[row / p.share * p.experts + e] : 0.0;
      const bool chosen = weight[t] != 0.0;
      x_at[t] = chosen ? list[p.places_at + row * p.experts + e] * values : 0u;
      if (chosen) weight[t] = WEIGHTED ? weight[t] * p.scale : p.scale;
      any = any || chosen;
    }
    const uint matrix = e * p.n * values, steps_end = any ? values : 0u;
    for (uint k = 0u; k < steps_end; k += STEPS) {
      VALUE bs[STEPS][WIDTH];
      [[unroll]] for (uint i = 0u; i < STEPS; ++i) {
        [[unroll]] for (uint c = 0u; c < WIDTH; ++c)
          bs[i][c] = k + i < values ? stack[matrix + stack_at[c] + (k + i) * STACK_STEP] : VALUE(0.0);
      }
      [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
        if (weight[t] != 0.0) {
          [[unroll]] for (uint i = 0u; i < STEPS; ++i) {
            const VALUE value = x[x_at[t] + min(k + i, values - 1u)] * weight[t];
            [[unroll]] for (uint c = 0u; c < WIDTH; ++c) sums[t][c] = add_product(value, bs[i][c], sums[t][c]);
          }
        }
      }
    }
  }
  [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
    [[unroll]] for (uint c = 0u; c < WIDTH; ++c) {
      if (first + t >= p.m || column + c * LANES >= p.n) continue;
      const uint at = (first + t) * p.n + column + c * LANES;
      y[at] = HAS_BASE ? base[at] + sums[t][c] : sums[t][c];
    }
  }
}
