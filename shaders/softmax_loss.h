// Params of softmax_loss.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct SoftmaxLossParams {
  uint rows;
  uint columns;
};
LK_PARAMS_END
