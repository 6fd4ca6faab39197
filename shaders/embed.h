// Params of embed.comp: one dispatch a page of the table.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct EmbedParams {
  uint rows;        // of y
  uint columns;
  uint units;       // in a table row
  uint vocabulary;  // rows of the table
  uint first;       // table row at page row `row`
  uint count;       // table rows of this dispatch
  uint row;         // page row
  uint last;        // 1: the last dispatch, which also writes the rows without a token
  uint visual_rows;
};
LK_PARAMS_END
