// Params of dropout.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct DropoutParams {
  uint count;
  float rate;
  uint salt;  // tells the masks of a step apart
};
LK_PARAMS_END
