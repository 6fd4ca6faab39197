// Params of gated_grad.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct GatedGradParams {
  uint count;  // elements of dy
  uint width;  // of its rows
};
LK_PARAMS_END
