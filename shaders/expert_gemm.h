// Params of the kernels on stacks of plain f32 matrices: expert_gemm, expert_outer, expert_accumulate.
#ifndef LORIKEET_SHADERS_EXPERT_GEMM_H
#define LORIKEET_SHADERS_EXPERT_GEMM_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
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
