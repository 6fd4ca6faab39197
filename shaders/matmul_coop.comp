#version 450
// Many rows on matrix units: cooperative matrices of f16 x f16 added up in f32. x comes as f16 rows
// (matmul_prepare.comp); weights are rounded to f16.
//
// A workgroup of four subgroups does 64 weight rows (gated: 32 gate rows and their up rows) x TOKENS tokens, a subgroup
// 32 rows x half of the tokens. For each block of 32 columns all lanes unpack the weights into shared memory, while x is
// loaded straight from its buffer. Sums go through shared memory to y.
// Assumed: M and N divide 16, K divides 32, four full subgroups, x columns a multiple of 32.
//
// variants: WEIGHT=f16|q8_0|q4_0|q4_1|q5_0|q5_1|q4_k|q5_k|q6_k
// optional: GL_KHR_cooperative_matrix came with glslang 13
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
layout(local_size_x_id = 0) in;
#define X_TYPE float16_t
#define FIXED_RPL 2u  // not used: a lane owns no rows
#include "shaders/common/product.glsl"
#include "shaders/common/half.glsl"
layout(constant_id = 6) const uint TOKENS = 64u;
layout(constant_id = 8) const uint M = 16u;  // the shape of the device's matrices
layout(constant_id = 9) const uint N = 16u;
layout(constant_id = 10) const uint K = 16u;

const uint LANES = gl_WorkGroupSize.x;
const uint ROWS = 64u;
const uint PITCH = 10u;  // vectors of 4 from row to row: 8 of weights, 2 that spread rows over the memory's banks
shared f16vec4 tile[ROWS * PITCH];
shared float results[4u * 2u * M * N];  // a subgroup's matrix, when gated also the one of the up rows

const uint ROW_TILES = 32u / M;           // of a subgroup
const uint TOKEN_TILES = TOKENS / 2u / N;
const uint OUTPUT_TILES = GATED ? ROW_TILES / 2u : ROW_TILES;

// Of the 32 rows of a subgroup, when gated, the upper 16 are the up rows of the lower ones.
uint output_of(uint row) { return gl_WorkGroupID.x * (GATED ? 32u : 64u) + (GATED ? row / 32u * 16u + row % 16u : row); }

void unpack_weights(uint block) {
  const uint unit = block / UNIT_BLOCKS * UNIT_WORDS * 32u;
  const uint sub = block % UNIT_BLOCKS;
  for (uint i = gl_LocalInvocationID.x; i < ROWS * 4u; i += LANES) {
    const uint row = i % ROWS, piece = i / ROWS;
    const uint at = row_address(output_of(row), GATED && row % 32u >= 16u) + unit;
    f16vec4 a, b;
    half_piece(at, sub, piece, weight_scale(at, sub, piece), a, b);
    tile[row * PITCH + piece * 2u] = clamp(a, f16vec4(-65504.0), f16vec4(65504.0));
    tile[row * PITCH + piece * 2u + 1u] = clamp(b, f16vec4(-65504.0), f16vec4(65504.0));
  }
}

void main() {
  const uint first_row = gl_SubgroupID % 2u * 32u;
  const uint first_token = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) * TOKENS + gl_SubgroupID / 2u * (TOKENS / 2u);
  const uint last_tile = padded_tokens() - N;  // tiles beyond the rows of x load these again
  coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> acc[ROW_TILES * TOKEN_TILES];
  [[unroll]] for (uint i = 0u; i < ROW_TILES * TOKEN_TILES; ++i) acc[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);

  const uint blocks = p.columns / 32u;
  for (uint block = 0u; block < blocks; ++block) {
    barrier();
    unpack_weights(block);
    barrier();
    [[unroll]] for (uint k = 0u; k < 32u; k += K) {
      coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[ROW_TILES];
      [[unroll]] for (uint i = 0u; i < ROW_TILES; ++i)
        coopMatLoad(a[i], tile, (first_row + i * M) * PITCH + k / 4u, PITCH, gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint j = 0u; j < TOKEN_TILES; ++j) {
        coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
        const uint token = min(first_token + j * N, last_tile);
        coopMatLoad(b, x, token * p.x_columns + block * 32u + k, p.x_columns, gl_CooperativeMatrixLayoutColumnMajor);
        [[unroll]] for (uint i = 0u; i < ROW_TILES; ++i) acc[i * TOKEN_TILES + j] = coopMatMulAdd(a[i], b, acc[i * TOKEN_TILES + j]);
      }
    }
  }

  const uint to = gl_SubgroupID * 2u * M * N;
  [[unroll]] for (uint i = 0u; i < OUTPUT_TILES; ++i) {
    [[unroll]] for (uint j = 0u; j < TOKEN_TILES; ++j) {
      barrier();
      coopMatStore(acc[i * TOKEN_TILES + j], results, to, M, gl_CooperativeMatrixLayoutColumnMajor);
      if (GATED) coopMatStore(acc[(i + ROW_TILES - OUTPUT_TILES) * TOKEN_TILES + j], results, to + M * N, M, gl_CooperativeMatrixLayoutColumnMajor);
      barrier();
      for (uint e = gl_SubgroupInvocationID; e < M * N; e += gl_SubgroupSize) {
        const uint token = first_token + j * N + e / M;
        if (token >= p.tokens) continue;
        const float scale = row_scale(token);
        float v = results[to + e] * scale;
        if (GATED) v = silu(v) * results[to + M * N + e] * scale;
        store(token, output_of(first_row + i * M + e % M), v);
      }
    }
  }
}
