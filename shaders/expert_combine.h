// Params of expert_combine.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct ExpertCombineParams {
  uint rows;
  uint columns;  // in T
  uint experts;
  uint share;  // rows that share a row of the routing weights
  uint places_at;
  float residual_scale;
};
LK_PARAMS_END
