#version 450
// One row, or one a tile of a work list: y = x weight^T (+ bias, + residual), or silu(x gate^T) * (x up^T).
//
// A lane owns RPL weight rows (gated: half of them up rows), lanes of a workgroup neighbouring ones; x is the same for
// all lanes. Along the columns SLICES lanes share a row (GPUs only) and are added through shared memory. Block scales
// are factored out of the sums: acc = sum over blocks of d * sum(q x) + m * sum(x). x columns: a multiple of 32.
// With NORM, x is normed (rms): the lanes multiply by the norm weight as they read, and by the factor at the end.
//   any        RPL is given by a specialisation constant
//   fixed      12 rows, for drivers that do not unroll loops up to specialisation constants
//   broadcast  as any; lanes read 8 columns of x together and hand them round, for subgroups of 8 and more on devices
//              where a uniform load costs many instructions; one slice; the only form that norms
//
// variants: WEIGHT=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q4_k|q5_k|q6_k FORM=any|fixed|broadcast
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef FORM_broadcast
#extension GL_KHR_shader_subgroup_ballot : require
#define X_TYPE float
#else
#define X_TYPE vec4
#endif
layout(local_size_x_id = 0, local_size_y_id = 1) in;
#ifdef FORM_fixed
#define FIXED_RPL 12u
#define TRUST_UNPACK_HALF
#endif
#include "shaders/common/product.glsl"
#include "shaders/common/tiles.glsl"

#ifdef FORM_broadcast
layout(constant_id = 7) const bool NORM = false;
layout(binding = 6) readonly restrict buffer Norm { float norm[]; };
#endif

const uint LANES = gl_WorkGroupSize.x;
const uint SLICES = gl_WorkGroupSize.y;
const uint PARTS = SLICES > 1u ? LANES * SLICES * RPL : 1u;
shared float parts[PARTS];

#ifdef FORM_broadcast
float sum_of_eight(float mine) {
  return subgroupBroadcast(mine, 0u) + subgroupBroadcast(mine, 1u) + subgroupBroadcast(mine, 2u) + subgroupBroadcast(mine, 3u) +
         subgroupBroadcast(mine, 4u) + subgroupBroadcast(mine, 5u) + subgroupBroadcast(mine, 6u) + subgroupBroadcast(mine, 7u);
}
#endif

uint x_first = 0u;  // element at which the row of x begins

// Columns 8 at .. 8 at + 7 of x, multiplied by `raw` for weights that are masked in place, and their sum before that.
void load_x(uint at, out float v[8], out float sum, inout float square) {
#ifdef FORM_broadcast
  const uint column = gl_SubgroupInvocationID & 7u;
  float mine = x[x_first + at * 8u + column];
  if (NORM) {
    square = fma(mine, mine, square);
    mine *= norm[p.norm_at + at * 8u + column];
  }
  const float raw = mine * (column < 4u ? RAW_A[column] : RAW_B[column - 4u]);
  v[0] = subgroupBroadcast(raw, 0u);
  v[1] = subgroupBroadcast(raw, 1u);
  v[2] = subgroupBroadcast(raw, 2u);
  v[3] = subgroupBroadcast(raw, 3u);
  v[4] = subgroupBroadcast(raw, 4u);
  v[5] = subgroupBroadcast(raw, 5u);
  v[6] = subgroupBroadcast(raw, 6u);
  v[7] = subgroupBroadcast(raw, 7u);
  sum = 0.0;
  if (SHIFTED == 1) sum = sum_of_eight(mine);
#else
  vec4 a = x[x_first / 4u + at * 2u], b = x[x_first / 4u + at * 2u + 1u];
  const vec4 both = a + b;
  sum = (both.x + both.y) + (both.z + both.w);
  a *= RAW_A;
  b *= RAW_B;
  v = float[8](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w);
#endif
}

// Adds the slices' sums; slice 0 holds the result.
void add_slices(inout float acc[RPL]) {
  const uint lane = gl_LocalInvocationID.x;
  const uint slice = gl_LocalInvocationID.y;
  [[unroll]] for (uint c = 0u; c < RPL; ++c) parts[(slice * RPL + c) * LANES + lane] = acc[c];
  barrier();
  if (slice > 0u) return;
  for (uint other = 1u; other < SLICES; ++other) {
    [[unroll]] for (uint c = 0u; c < RPL; ++c) acc[c] += parts[(other * RPL + c) * LANES + lane];
  }
}

void main() {
  const uint slice = SLICES > 1u ? gl_LocalInvocationID.y : 0u;  // one slice: visibly the same for all lanes
  const uint first = gl_WorkGroupID.x * LANES * OUTPUTS + gl_LocalInvocationID.x;
  Tile tile = Tile(0u, 1u);
  if (GROUPED) {
    tile = listed_tile();
    if (tile.count == 0u) return;
    x_first = x_row_of(tile.first) * p.x_columns;
  }
  uint row[RPL];
  float acc[RPL];
  [[unroll]] for (uint c = 0u; c < RPL; ++c) {
    row[c] = row_address(first + c % OUTPUTS * LANES, c >= OUTPUTS);
    acc[c] = 0.0;
  }

  float square = 0.0;  // sum of x^2 over the columns that this lane has read for all
  const uint blocks = p.columns / 32u;
  for (uint block = slice; block < blocks; block += SLICES) {
    const uint unit = block / UNIT_BLOCKS * UNIT_WORDS * 32u;
    const uint sub = block % UNIT_BLOCKS;
    [[unroll]] for (uint scaled = 0u; scaled < 4u; scaled += SCALE_PIECES) {
      float s[RPL];
      [[unroll]] for (uint c = 0u; c < RPL; ++c) s[c] = SCALED == 1 ? 0.0 : acc[c];
      float sum_x = 0.0;
      [[unroll]] for (uint k = 0u; k < SCALE_PIECES; ++k) {
        const uint piece = scaled + k;
        float v[8], sum;
        load_x(block * 4u + piece, v, sum, square);
        sum_x += sum;
        [[unroll]] for (uint c = 0u; c < RPL; ++c) {
          vec4 a, b;
          weight_piece_raw(row[c] + unit, sub, piece, a, b);
          [[unroll]] for (uint i = 0u; i < 4u; ++i) s[c] = fma(a[i], v[i], s[c]);
          [[unroll]] for (uint i = 0u; i < 4u; ++i) s[c] = fma(b[i], v[i + 4u], s[c]);
        }
      }
      [[unroll]] for (uint c = 0u; c < RPL; ++c) {
        const vec2 dm = weight_scale(row[c] + unit, sub, scaled);
        acc[c] = SCALED == 1 ? fma(dm.x, s[c], acc[c]) : s[c];
        if (SHIFTED == 1) acc[c] = fma(dm.y, sum_x, acc[c]);
      }
    }
  }
#ifdef FORM_broadcast
  if (NORM) {
    const float factor = inversesqrt(sum_of_eight(square) / float(p.columns) + p.eps);
    [[unroll]] for (uint c = 0u; c < RPL; ++c) acc[c] *= factor;
  }
#endif
  if (SLICES > 1u) add_slices(acc);
  if (slice > 0u) return;

  [[unroll]] for (uint c = 0u; c < OUTPUTS; ++c) {
    float v = acc[c];
    if (GATED) v = silu(v) * acc[c + RPL - OUTPUTS];
    store(tile.first, first + c * LANES, v);
  }
}
