// Params of add_bias.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct AddBiasParams {
  uint count;  // elements of x
  uint columns;
  uint bias_at;  // where the bias begins in its buffer
};
LK_PARAMS_END
