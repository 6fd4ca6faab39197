// Numbers as Python's format specifications show them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "frontend/chat/value.h"

namespace lorikeet::jinja {

// 'f', 'e' or 'g' (or 'F', 'E', 'G') with the given precision; no padding. inf and nan come out as such.
std::string real_digits(double value, char type, int precision);
std::string grouped(std::string_view digits, char separator, size_t every);  // "1234567" -> "1,234,567"

struct FormatSpec {  // [[fill]align][sign][z][#][0][width][grouping][.precision][type]
  char32_t fill = ' ';
  char align = 0;      // '<', '>', '^', '=', or 0 for the default
  bool zeros = false;  // a 0 before the width: numbers are filled after their sign
  char sign = '-';
  bool alternate = false;
  int64_t width = 0;
  char grouping = 0;  // ',' or '_'
  int64_t precision = -1;
  char type = 0;
};

Result<FormatSpec> parse_format_spec(std::string_view text);
// Errors: a type that does not fit the value.
Result<std::string> formatted_number(const Value& number, FormatSpec spec);
std::string padded(std::string_view text, const FormatSpec& spec, char default_align);

}  // namespace lorikeet::jinja
