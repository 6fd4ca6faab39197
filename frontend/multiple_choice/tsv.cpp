#include "frontend/multiple_choice/tsv.h"

#include <algorithm>

#include "frontend/multiple_choice/pandas_values.h"
#include "frontend/text/utf8.h"
#include "runtime/base/text.h"

namespace lorikeet::multiple_choice {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  // Skips lines that are empty or all spaces. False at the end of the file.
  bool find_row() {
    while (at_ < text_.size()) {
      const size_t end = std::min(text_.find_first_not_of(' ', at_), text_.size());
      if (end < text_.size() && text_[end] != '\n' && text_[end] != '\r') break;
      at_ = std::min(end + 1, text_.size());
    }
    row_ = at_;
    return at_ < text_.size();
  }

  // False if a quote stays open.
  bool read_row(std::vector<std::string>& cells) {
    do {
      if (!read_cell(cells.emplace_back())) return false;
    } while (take('\t'));
    if (take('\r')) take('\n');
    else take('\n');
    return true;
  }

  size_t line() const { return 1 + size_t(std::count(text_.begin(), text_.begin() + ptrdiff_t(row_), '\n')); }

 private:
  bool read_cell(std::string& cell) {
    if (take('"')) {
      for (;;) {
        const size_t quote = text_.find('"', at_);
        if (quote == text_.npos) return false;
        cell += text_.substr(at_, quote - at_);
        at_ = quote + 1;
        if (!take('"')) break;
        cell += '"';
      }
    }
    const size_t end = std::min(text_.find_first_of("\t\n\r", at_), text_.size());
    cell += text_.substr(at_, end - at_);  // after a closing quote too
    at_ = end;
    return true;
  }

  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t row_ = 0;  // where it begins
};

}  // namespace

std::optional<size_t> Table::column(std::string_view name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found == columns.end()) return std::nullopt;
  return size_t(found - columns.begin());
}

Result<Table> read_tsv(std::string_view bytes, const std::string& file) {
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  if (!is_valid_utf8(bytes)) return corrupt(join("[mmmb] ", file, ": expected text in UTF-8, given other bytes."));
  Reader reader(bytes);
  Table table;
  while (reader.find_row()) {
    std::vector<std::string> cells;
    if (!reader.read_row(cells))
      return corrupt(join("[mmmb] ", file, " line ", reader.line(),
                          ": expected a closing quote in this row, given the end of the file."));
    if (table.columns.empty()) {
      table.columns = std::move(cells);
      continue;
    }
    if (cells.size() > table.columns.size())
      return corrupt(join("[mmmb] ", file, " line ", reader.line(), ": expected at most ", table.columns.size(),
                          " cells as in the header row, given ", cells.size(), "."));
    std::vector<Cell>& row = table.rows.emplace_back(table.columns.size());
    std::move(cells.begin(), cells.end(), row.begin());
  }
  if (table.columns.empty()) return corrupt(join("[mmmb] ", file, ": expected a header row, given an empty file."));
  take_pandas_values(table);
  return table;
}

}  // namespace lorikeet::multiple_choice
