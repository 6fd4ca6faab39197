// Params of the kernels on stacks of plain f32 matrices: expert_gemm, expert_outer, expert_accumulate.
#ifndef LORIKEET_SHADERS_EXPERT_GEMM_H
#define LORIKEET_SHADERS_EXPERT_GEMM_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
const uint kExpertTileRows = 8u;      // pairs, or rows of a matrix, that a lane of expert_gemm and expert_outer owns
const uint kAccumulateTileRows = 4u;  // rows that a lane of expert_accumulate owns: some compilers fail at more
struct ExpertGemmParams {
  uint m;  // expert_outer: rows of a matrix; expert_accumulate: rows of y
  uint n;  // columns of y
  uint k;
  uint experts;
  uint share;    // rows that share a row of the routing weights
  uint rows_at;  // word offsets in the work list
  uint places_at;
  uint starts_at;
  float scale;
};
LK_PARAMS_END
#endif
