// Params of mask_rows.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct MaskRowsParams {
  uint rows;
  uint columns;
  uint adapter;  // its number
  uint inverted;
};
LK_PARAMS_END
