// Params of the pointwise shaders: add, mul, silu_mul, gelu.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct PointwiseParams {
  uint count;  // elements, in units of the variant's type
  uint turns;  // elements a lane
};
LK_PARAMS_END
