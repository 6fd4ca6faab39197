// Params of matmul_prepare.comp.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct MatmulPrepareParams {
  uint tokens;          // rows of x
  uint columns;         // of x
  uint padded_columns;  // of the result, a multiple of 32
  uint norm_at;         // where the norm weight of column 0 lies in its buffer
  float eps;
};
// One block of 32 columns of the form q8: 8 words of int8, the f32 scale d, d * sum(q) of each half of the block, and a
// word that is not used, so that a block is three vectors of four words.
const uint kQ8BlockWords = 12u;
const uint kHalfRows = 16u;  // the form f16 pads its rows to a multiple of this
LK_PARAMS_END
