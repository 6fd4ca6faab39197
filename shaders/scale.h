// Params of scale.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct ScaleParams {
  uint count;  // elements, in units of the variant's type
  float by;
};
LK_PARAMS_END
