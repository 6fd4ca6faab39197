// Params of add_bias. Counted in the variant's type but for rows.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct AddBiasParams {
  uint rows;
  uint columns;
  uint bias_at;  // where the bias begins in its buffer
  uint turns;    // rows a workgroup
};
LK_PARAMS_END
