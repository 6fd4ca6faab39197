// Params of matmul_grad. One dispatch does `count` rows of the weight from one page.
#include "shaders/types.h"
LK_PARAMS_BEGIN
const uint kGradTokens = 4u;  // that a lane owns
struct MatmulGradParams {
  uint tokens;      // rows of dy and dx
  uint dy_columns;  // stride of a row of dy
  uint columns;     // of the weight and of dx
  uint first;       // column of dy of the first row
  uint count;       // weight rows
  uint row;         // page row of the first one, a multiple of 32
  uint units;       // in a weight row
  // Grouped: the experts of the bound page, and where things are in the work list.
  uint first_expert;
  uint experts;
  uint expert_rows;  // weight rows of an expert
  uint rows_at;
  uint starts_at;
};
LK_PARAMS_END
