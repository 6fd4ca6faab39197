// Params of sum_rows.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct SumRowsParams {
  uint rows;
  uint columns;
  uint part;  // rows that one lane adds
};
LK_PARAMS_END
