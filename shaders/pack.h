// Params of pack.comp. Rows of the matrix are counted from its own first row, rows of the source and of the page from
// the start of what is bound.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct PackParams {
  uint rows;              // of the matrix; later rows are written as zeros
  uint columns;
  uint first;             // first matrix row of this dispatch, a multiple of 32
  uint count;             // rows of this dispatch, a multiple of 32
  uint source_first;      // matrix row (in the file's order) at the start of the source
  uint source_rows;       // rows in the source
  uint source_row_bytes;
  uint page_row;          // where `first` goes, a multiple of 32
  uint units;             // in a packed row
  uint head_rows;         // > 0: rows of a head, in interleaved rotary order in the file
};
LK_PARAMS_END
