// Params of softmax_grad.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct SoftmaxGradParams {
  uint rows;
  uint columns;
};
LK_PARAMS_END
