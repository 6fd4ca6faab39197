#version 450
// variants: FORM=nn|nt|nt4|tn HEIGHT=1|8|16 WIDTH=1|4
// y = op(a) op(b) (+ addend), all row-major f32: y (m, n), op(a) (m, k), op(b) (k, n). A t in FORM says that the matrix lies
// transposed in memory: nt reads b as (n, k), nt4 too, where k is a multiple of 4, tn reads a as (k, m).
//
// A lane owns HEIGHT rows x WIDTH columns: x -> columns, lanes neighbouring, the lane's own columns LANES apart; workgroup
// y and z -> rows. Values of a are read at uniform addresses. Each sum runs over k in order. Rows and columns past the
// end are computed as the last ones and not stored. With slices (shaders/common/slices.glsl) each takes a few terms in turn.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/gemm.h"
layout(constant_id = 1) const bool HAS_ADDEND = false;
layout(push_constant) uniform Params { GemmParams p; };
#include "shaders/common/terms.glsl"
layout(binding = 0) readonly buffer A { VALUE a[]; };
layout(binding = 1) readonly buffer B { VALUE b[]; };
layout(binding = 2) readonly buffer Addend { float addend[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

// Addresses are begin + number of the value * step.
#ifdef FORM_tn
#define A_BEGIN(row) (row)
#define A_STEP p.m
#else
#define A_BEGIN(row) ((row) * (p.k / VALUE_TERMS))
#define A_STEP 1u
#endif
#ifdef FORM_nt
#define B_BEGIN(column) ((column) * (p.k / VALUE_TERMS))
#define B_STEP 1u
#else
#define B_BEGIN(column) (column)
#define B_STEP p.n
#endif

float sums[HEIGHT][WIDTH];
const uint SLICE_SUMS = HEIGHT * WIDTH;
#define SLICE_SUM(i) sums[(i) / WIDTH][(i) % WIDTH]
#include "shaders/common/slices.glsl"
uint a_at[HEIGHT], b_at[WIDTH];

#define STEPS(count) { \
    VALUE bs[count][WIDTH]; \
    [[unroll]] for (uint i = 0u; i < count; ++i) \
      [[unroll]] for (uint c = 0u; c < WIDTH; ++c) bs[i][c] = b[b_at[c] + (k + i) * B_STEP]; \
    [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) \
      [[unroll]] for (uint i = 0u; i < count; ++i) { \
        const VALUE value = a[a_at[t] + (k + i) * A_STEP]; \
        [[unroll]] for (uint c = 0u; c < WIDTH; ++c) sums[t][c] = add_product(value, bs[i][c], sums[t][c]); \
      } \
  }

void main() {
#ifdef FORM_nt
  const uint lane = lane_of_terms(), slice = slice_of_terms();
#else
  const uint lane = lane_of_outputs(), slice = slice_of_outputs();
#endif
  const uint column = gl_WorkGroupID.x * (LANES * WIDTH) + lane;
  const uint row = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) * HEIGHT;
  if (row >= p.m) return;
  [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
    a_at[t] = A_BEGIN(min(row + t, p.m - 1u));
    [[unroll]] for (uint c = 0u; c < WIDTH; ++c) sums[t][c] = 0.0;
  }
  [[unroll]] for (uint c = 0u; c < WIDTH; ++c) b_at[c] = B_BEGIN(min(column + c * LANES, p.n - 1u));

  const uint values = p.k / VALUE_TERMS, whole = values / TURN * TURN;
  for (uint k = slice * TURN; k < whole; k += TURN * SLICES) STEPS(TURN)
  for (uint k = whole + slice; k < values; k += SLICES) STEPS(1)
  add_slices(lane, slice);
  if (slice > 0u) return;

  [[unroll]] for (uint t = 0u; t < HEIGHT; ++t) {
    [[unroll]] for (uint c = 0u; c < WIDTH; ++c) {
      if (row + t >= p.m || column + c * LANES >= p.n) continue;
      const uint at = (row + t) * p.n + column + c * LANES;
      y[at] = HAS_ADDEND ? sums[t][c] + addend[at] : sums[t][c];
    }
  }
}
