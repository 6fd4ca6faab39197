// Chains of rows that belong together: what row_chains writes and add_chains reads.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct RowChainsParams {
  uint count;    // entries
  uint rows;     // keys are below
  uint columns;  // of the rows that are added, in units of the variant's type
};
// Of an entry: its key, and the next entry with this key or kChainEnd; with kChainFirst if it is the first one. Entries that are in no
// chain have kChainEnd alone.
const uint kChainWords = 2u;
const uint kChainFirst = 0x80000000u;
const uint kChainEnd = 0x7fffffffu;
LK_PARAMS_END
