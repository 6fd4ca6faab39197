// Params of matmul_prepare.comp.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct MatmulPrepareParams {
  uint columns;         // of x
  uint padded_columns;  // of the result, a multiple of 32
  uint norm_at;         // where the norm weight of column 0 lies in its buffer
  float eps;
};
LK_PARAMS_END
