#version 450
// Many rows: y = x weight^T (+ bias, + residual), or silu(x gate^T) * (x up^T).
//
// A lane owns a tile of RPL weight rows (gated: half of them up rows) and TN tokens: it dequantises its own words once
// and uses them for all its tokens, whose x is the same for all lanes. No shared memory. Each output is one sum over
// the columns in order, as in matmul.comp. x columns: a multiple of 32. The last tile ends with the last token: it may
// overlap the one before, and then leaves its tokens to that one. Tiles of a work list may hold fewer tokens than TN.
//   any        the tile is given by specialisation constants
//   fixed      8 x 8, for drivers that do not unroll loops up to specialisation constants
//   broadcast  as any; lanes read 8 columns of x together and hand them round, for subgroups of 8 and more on devices
//              where a uniform load costs many instructions
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
layout(local_size_x_id = 0) in;
#ifdef FORM_fixed
#define FIXED_RPL 8u
#endif
#include "shaders/common/product.glsl"
#include "shaders/common/tiles.glsl"
#ifdef FORM_fixed
const uint TN = 8u;
#else
layout(constant_id = 6) const uint TN = 8u;  // tokens a lane owns; at most p.tokens but for work lists
#endif

const uint LANES = gl_WorkGroupSize.x;
// Pieces of 8 columns in one turn of the inner loop: small tiles need more to be worth a turn.
const uint TURN_PIECES = RPL * TN < 32u ? 4u : 1u;

// Columns 8 at .. 8 at + 7 of the row of x that begins at x_row.
void load_x(uint x_row, uint at, out float v[8]) {
#ifdef FORM_broadcast
  const float mine = x[x_row + at * 8u + (gl_SubgroupInvocationID & 7u)];
  v[0] = subgroupBroadcast(mine, 0u);
  v[1] = subgroupBroadcast(mine, 1u);
  v[2] = subgroupBroadcast(mine, 2u);
  v[3] = subgroupBroadcast(mine, 3u);
  v[4] = subgroupBroadcast(mine, 4u);
  v[5] = subgroupBroadcast(mine, 5u);
  v[6] = subgroupBroadcast(mine, 6u);
  v[7] = subgroupBroadcast(mine, 7u);
#else
  const vec4 a = x[x_row / 4u + at * 2u], b = x[x_row / 4u + at * 2u + 1u];
  v = float[8](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w);
#endif
}

// The 8 weights of a piece.
void load_weights(uint unit, uint sub, uint piece, vec2 dm, out float v[8]) {
  vec4 a, b;
  weight_piece(unit, sub, piece, a, b);
#if SCALED
  a = SHIFTED == 1 ? fma(a, dm.xxxx, dm.yyyy) : a * dm.x;
  b = SHIFTED == 1 ? fma(b, dm.xxxx, dm.yyyy) : b * dm.x;
#endif
  v = float[8](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w);
}

void main() {
  const uint first = gl_WorkGroupID.x * LANES * OUTPUTS + gl_LocalInvocationID.x;
  const Tile tile = GROUPED ? listed_tile() : plain_tile(TN);
  if (tile.count == 0u) return;
  uint token[TN], x_row[TN];
  bool own[TN];
  [[unroll]] for (uint t = 0u; t < TN; ++t) {
    token[t] = tile.first + min(t, tile.count - 1u);
    own[t] = t < tile.count;
#ifndef FORM_fixed
    if (!GROUPED) {
      token[t] = min(tile.first, p.tokens - TN) + t;
      own[t] = token[t] >= tile.first;
    }
#endif
    x_row[t] = (GROUPED ? x_row_of(token[t]) : token[t]) * p.x_columns;
  }
  uint row[RPL];
  float acc[RPL][TN];
  [[unroll]] for (uint c = 0u; c < RPL; ++c) {
    row[c] = row_address(first + c % OUTPUTS * LANES, c >= OUTPUTS);
    [[unroll]] for (uint t = 0u; t < TN; ++t) acc[c][t] = 0.0;
  }

  const uint blocks = p.columns / 32u;
  for (uint block = 0u; block < blocks; ++block) {
    const uint unit = block / UNIT_BLOCKS * UNIT_WORDS * 32u;
    const uint sub = block % UNIT_BLOCKS;
    vec2 dm[RPL];
    if (SCALE_PIECES == 4u) {
      [[unroll]] for (uint c = 0u; c < RPL; ++c) dm[c] = weight_scale(row[c] + unit, sub, 0u);
    }
    [[dont_unroll]] for (uint turn = 0u; turn < 4u; turn += TURN_PIECES) {
      [[unroll]] for (uint in_turn = 0u; in_turn < TURN_PIECES; ++in_turn) {
        const uint piece = turn + in_turn;
        float weights[RPL][8];
        [[unroll]] for (uint c = 0u; c < RPL; ++c) {
          if (SCALE_PIECES < 4u) dm[c] = weight_scale(row[c] + unit, sub, piece);
          load_weights(row[c] + unit, sub, piece, dm[c], weights[c]);
        }
        [[unroll]] for (uint t = 0u; t < TN; ++t) {
          float v[8];
          load_x(x_row[t], block * 4u + piece, v);
          [[unroll]] for (uint c = 0u; c < RPL; ++c) {
            [[unroll]] for (uint i = 0u; i < 8u; ++i) acc[c][t] = fma(weights[c][i], v[i], acc[c][t]);
          }
        }
      }
    }
  }

  [[unroll]] for (uint c = 0u; c < OUTPUTS; ++c) {
    [[unroll]] for (uint t = 0u; t < TN; ++t) {
      float v = acc[c][t];
      if (GATED) v = silu(v) * acc[c + RPL - OUTPUTS][t];
      if (own[t]) store(token[t], first + c * LANES, v);
    }
  }
}
