// Params of concat_rows; counts are in units of the variant's type.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct ConcatRowsParams {
  uint first;  // elements of a
  uint count;  // of y
};
LK_PARAMS_END
