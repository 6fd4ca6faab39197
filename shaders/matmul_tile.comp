#version 450
// Many rows: y = x weight^T (+ bias, + residual), or silu(x gate^T) * (x up^T).
//
// A lane owns a tile of 4 weight rows (gated: 2 gate and 2 up rows) and TN tokens: it dequantises its own words once, 8 columns a turn, and uses
// them for all its tokens, whose x is read at addresses that are the same for all lanes. No shared memory. Each output
// is one sum over the columns in order, as in matmul.comp. x columns: a multiple of 32.
//
// variants: WEIGHT=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q4_k|q5_k|q6_k TOKENS=any|8
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x_id = 0) in;
#define X_TYPE vec4
#define FIXED_RPL 4u
#include "shaders/common/product.glsl"
#ifdef TOKENS_8
const uint TN = 8u;
#else
layout(constant_id = 6) const uint TN = 8u;  // tokens a lane owns: 1, 2, 4 or 8
#endif

const uint LANES = gl_WorkGroupSize.x;

// Code for each weight row of a lane, and for each token, with c and t literals.
#define FOR_ROWS(DO) DO(0u) DO(1u) DO(2u) DO(3u)
#define FOR_TOKENS(DO, c) \
  DO(0u, c) \
  if (TN > 1u) { DO(1u, c) } \
  if (TN > 2u) { DO(2u, c) DO(3u, c) } \
  if (TN > 4u) { DO(4u, c) DO(5u, c) DO(6u, c) DO(7u, c) }

void main() {
  const uint first = gl_WorkGroupID.x * LANES * OUTPUTS + gl_LocalInvocationID.x;
  const uint first_token = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) * TN;
  uint row[4];
  uint x_row[8];
  float acc[32];
#define START_TOKEN(t, c) x_row[t] = min(first_token + t, p.tokens - 1u) * (p.x_columns / 4u);
  FOR_TOKENS(START_TOKEN, 0u)
#define CLEAR(t, c) acc[c * 8u + t] = 0.0;
#define START(c) \
  row[c] = row_address(first + c % OUTPUTS * LANES, c >= OUTPUTS); \
  FOR_TOKENS(CLEAR, c)
  FOR_ROWS(START)

  const uint blocks = p.columns / 32u;
  for (uint block = 0u; block < blocks; ++block) {
    const uint unit = block / UNIT_BLOCKS * UNIT_WORDS * 32u;
    const uint sub = block % UNIT_BLOCKS;
#if SCALED
    vec2 dm[4];
#define ROW_SCALE(c) dm[c] = weight_scale(row[c] + unit, sub, 0u);
    if (SCALE_PIECES == 4u) { FOR_ROWS(ROW_SCALE) }
#define SCALE_AGAIN(c) if (SCALE_PIECES == 2u) dm[c] = weight_scale(row[c] + unit, sub, piece);
#if SHIFTED
#define APPLY(c) a = fma(a, dm[c].xxxx, dm[c].yyyy); b = fma(b, dm[c].xxxx, dm[c].yyyy);
#else
#define APPLY(c) a *= dm[c].x; b *= dm[c].x;
#endif
#else
#define SCALE_AGAIN(c)
#define APPLY(c)
#endif
    [[dont_unroll]] for (uint piece = 0u; piece < 4u; ++piece) {
      const uint at = block * 8u + piece * 2u;
      vec4 xa[8], xb[8];
#define LOAD_X(t, c) xa[t] = x[x_row[t] + at]; xb[t] = x[x_row[t] + at + 1u];
      FOR_TOKENS(LOAD_X, 0u)
#define MULTIPLY(t, c) acc[c * 8u + t] = dot8(acc[c * 8u + t], a, b, xa[t], xb[t]);
#define ROW_PIECE(c) { \
        vec4 a, b; \
        SCALE_AGAIN(c) \
        weight_piece(row[c] + unit, sub, piece, a, b); \
        APPLY(c) \
        FOR_TOKENS(MULTIPLY, c) }
      FOR_ROWS(ROW_PIECE)
    }
  }

  if (GATED) {
#define STORE_GATED_TOKEN(t, c) \
    store(first_token + t, first + c * LANES, silu(acc[c * 8u + t]) * acc[(c + OUTPUTS) * 8u % 32u + t]);
#define STORE_GATED(c) if (c < OUTPUTS) { FOR_TOKENS(STORE_GATED_TOKEN, c) }
    FOR_ROWS(STORE_GATED)
  } else {
#define STORE_TOKEN(t, c) store(first_token + t, first + c * LANES, acc[c * 8u + t]);
#define STORE(c) FOR_TOKENS(STORE_TOKEN, c)
    FOR_ROWS(STORE)
  }
}
