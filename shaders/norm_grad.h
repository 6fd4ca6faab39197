// Params of rms_norm_grad and layer_norm_grad.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct NormGradParams {
  uint rows;
  uint columns;    // counts and offsets of columns are in units of the variant's type
  uint weight_at;  // where the weight begins in its storage
  float inverse;   // 1 / number of columns
  float eps;
};
LK_PARAMS_END
