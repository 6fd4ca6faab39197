// Params of the kernels on stacks of plain f32 matrices: expert_gemm, expert_outer, expert_accumulate.
#ifndef LORIKEET_SHADERS_EXPERT_GEMM_H
#define LORIKEET_SHADERS_EXPERT_GEMM_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
const uint kOuterTileRows = 8u;  // rows of a matrix that a lane of expert_outer owns
struct ExpertGemmParams {
  uint m;  // expert_outer: rows of a matrix; expert_accumulate: rows of y
  uint n;  // columns of y
  uint k;
  uint first_expert;  // expert_gemm: of those that are counted
  uint experts;
  uint weight_columns;  // experts of all
  uint share;    // rows that share a row of the routing weights
  uint rows_at;  // word offsets in the work list
  uint places_at;
  uint starts_at;
  float scale;
};
LK_PARAMS_END
#endif
