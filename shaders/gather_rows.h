// Params of gather_rows.comp.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct GatherRowsParams {
  uint rows;     // of x
  uint count;    // of y
  uint columns;  // in units of the variant's type
};
LK_PARAMS_END
