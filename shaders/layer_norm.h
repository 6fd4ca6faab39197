// Params of layer_norm.comp.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct LayerNormParams {
  uint rows;
  uint columns;    // counts and offsets of columns are in units of the variant's type
  uint weight_at;  // where the weight begins in its storage
  uint bias_at;
  float inverse;   // 1 / number of columns
  float eps;
};
LK_PARAMS_END
