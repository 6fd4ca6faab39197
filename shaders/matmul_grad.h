// Params of matmul_grad. One dispatch does `count` rows of the weight from one page.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct MatmulGradParams {
  uint tokens;       // rows of dy and dx
  uint dy_columns;   // stride of a row of dy
  uint columns;      // of the weight and of dx
  uint first;        // column of dy of the first row
  uint count;        // weight rows
  uint row;          // page row of the first one, a multiple of 32
  uint units;        // in a weight row
  uint list_at;      // grouped: word offset of the entry in the work list
  uint rows_at;      // grouped: word offset of the pairs' rows of dy
  uint expert_rows;  // grouped: weight rows of an expert
};
LK_PARAMS_END
