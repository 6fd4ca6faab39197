// Params of gather_rows.comp and of its gradient.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct GatherRowsParams {
  uint rows;     // of x, or of its gradient
  uint count;    // of y, or of dy
  uint columns;  // in units of the variant's type
};
LK_PARAMS_END
