#include "frontend/multiple_choice/pandas_values.h"

#include <algorithm>
#include <charconv>

#include "frontend/chat/print.h"

namespace lorikeet::multiple_choice {
namespace {

constexpr std::string_view kAbsent[] = {"",     "#N/A",   "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN",
                                        "-nan", "1.#IND", "1.#QNAN",  "<NA>", "N/A",     "NA",       "NULL",
                                        "NaN",  "None",   "n/a",      "nan",  "null"};
constexpr std::string_view kDigits = "0123456789";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) + 1 - first);
}

Cell integer(std::string_view text) {
  text = trimmed(text);
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of(kDigits) != text.npos) return std::nullopt;
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  return std::string(minus && text != "0" ? "-" : "") + std::string(text);
}

Cell real(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || value != value) return std::nullopt;
  return jinja::real_text(value);
}

Cell truth(std::string_view text) {
  if (text == "True" || text == "TRUE" || text == "true") return "True";
  if (text == "False" || text == "FALSE" || text == "false") return "False";
  return std::nullopt;
}

// All values of a column become what `read` makes of them; if it makes nothing of one, all stay and this is false.
bool replace(Table& table, size_t column, Cell (*read)(std::string_view)) {
  std::vector<Cell> values;
  for (const auto& row : table.rows) {
    values.push_back(row[column] ? read(*row[column]) : std::nullopt);
    if (row[column] && !values.back()) return false;
  }
  for (size_t row = 0; row < values.size(); ++row) table.rows[row][column] = std::move(values[row]);
  return true;
}

}  // namespace

void take_pandas_values(Table& table) {
  for (size_t column = 0; column < table.columns.size(); ++column) {
    bool gaps = false;
    for (auto& row : table.rows) {
      Cell& cell = row[column];
      if (cell && std::find(std::begin(kAbsent), std::end(kAbsent), *cell) != std::end(kAbsent)) cell.reset();
      gaps |= !cell;
    }
    // Integers with a gap are real numbers there.
    const bool numbers = (!gaps && replace(table, column, integer)) || replace(table, column, real);
    if (!numbers) replace(table, column, truth);
  }
}

}  // namespace lorikeet::multiple_choice
