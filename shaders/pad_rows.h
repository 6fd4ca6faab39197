// Params of pad_rows.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct PadRowsParams {
  uint first;  // elements before x
  uint count;  // of x
  uint total;  // of y
};
LK_PARAMS_END
