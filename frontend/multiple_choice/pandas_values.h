// Internal: what pandas (version 3) makes of the cells of a table. Prompts and scores of the published evaluation are
// made of these values: in a column of numbers with a gap, 24 becomes 24.0.
#pragma once

#include "frontend/multiple_choice/tsv.h"

namespace lorikeet::multiple_choice {

// Cells that read None, nan, N/A, ... become absent. If all others of a column are integers, numbers or truth values,
// each becomes the text of that value in Python.
void take_pandas_values(Table& table);

}  // namespace lorikeet::multiple_choice
