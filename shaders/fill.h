// Params of fill.comp.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct FillParams {
  uint count;
  float value;
};
LK_PARAMS_END
