// Params of gemm.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct GemmParams {
  uint m;  // rows of y
  uint n;  // columns of y
  uint k;
};
LK_PARAMS_END
