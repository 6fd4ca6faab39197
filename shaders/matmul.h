// Params of the matmul kernels. One dispatch does `count` rows of the weight from one page; weight rows are counted
// from the start of the bound page.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct MatmulParams {
  uint tokens;     // rows of x and y
  uint x_columns;  // stride of a row of x, in floats
  uint columns;    // of the weight; a multiple of 32 but for the plain kernel
  uint y_columns;  // stride of a row of y and residual
  uint first;      // y column of the first row
  uint count;      // weight rows, or gate rows when gated
  uint row;        // page row of the first (gate) row, a multiple of 32
  uint up_row;     // gated: page row of the first up row, a multiple of 32
  uint units;      // in a weight row
  uint bias_at;    // where the bias of column 0 lies in its buffer
  uint norm_at;    // where the norm weight of column 0 lies in its buffer
  float eps;       // of the norm
  uint list_at;      // grouped: word offset of the entry in the work list
  uint rows_at;      // grouped: word offset of the pairs' rows of x
  uint expert_rows;  // grouped: weight rows of an expert
};
LK_PARAMS_END
