// Params of take_rows.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct TakeRowsParams {
  int first;   // element of x that y begins with; may be negative
  uint count;  // elements of x
  uint total;  // elements of y
};
LK_PARAMS_END
