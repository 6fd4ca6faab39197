// Internal: tab-separated tables as the published evaluation reads them, with pandas.read_csv(sep="\t").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet::multiple_choice {

using Cell = std::optional<std::string>;  // none: absent, NaN there

struct Table {
  std::vector<std::string> columns;     // of the header row; of two with one name the first counts
  std::vector<std::vector<Cell>> rows;  // (rows, columns)

  std::optional<size_t> column(std::string_view name) const;
};

// Cells may be quoted ("" is a quote; tabs and line ends are text then); lines end with LF, CR LF or CR; blank lines do
// not count; a row may be short. The texts are those of pandas' values, see pandas_values.h. Errors: corrupt, for text
// that is not UTF-8, an open quote, a row that is longer than the header, a file without a header. `file` names it
// there.
Result<Table> read_tsv(std::string_view bytes, const std::string& file);

}  // namespace lorikeet::multiple_choice
