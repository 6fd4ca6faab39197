// Numbers from text, as Python's int() and float() read them.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

#include "frontend/chat/builtins.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

// Trims, turns all decimal digits into ASCII, and takes out single underscores between digits. None if an underscore
// stands elsewhere or a character is not ASCII.
std::optional<std::string> cleaned(std::string_view text) {
  text = unicode::strip(text);
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char32_t point = unicode::decode(text, at);
    if (point == '_') {
      const bool between = !out.empty() && at < text.size() && text[at] != '_' &&
                           std::isalnum(static_cast<unsigned char>(out.back())) &&
                           (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] & 0x80);
      if (!between) return std::nullopt;
    } else if (point < 0x80) {
      out += char(point);
    } else if (unicode::is_decimal(point)) {
      // Decimal digits come in runs of ten.
      char32_t zero = point;
      while (unicode::is_decimal(zero - 1) && point - zero < 9) --zero;
      out += char('0' + (point - zero));
    } else {
      return std::nullopt;
    }
  }
  return out;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = char(c | 32);
  return lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : 99;
}

}  // namespace

std::optional<Value> parse_integer(std::string_view text, int64_t base) {
  auto clean = cleaned(text);
  if (!clean || base < 0 || base == 1 || base > 36) return std::nullopt;
  std::string_view digits = *clean;
  const bool minus = digits.starts_with('-');
  if (minus || digits.starts_with('+')) digits.remove_prefix(1);
  const char kind = digits.size() > 1 && digits[0] == '0' ? char(digits[1] | 32) : ' ';
  const int prefix = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
  if (prefix && (base == 0 || base == prefix)) {
    digits.remove_prefix(2);
    base = prefix;
  } else if (base == 0) {
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != digits.npos) return std::nullopt;
    base = 10;
  }
  if (digits.empty()) return std::nullopt;
  if (!std::all_of(digits.begin(), digits.end(), [&](char c) { return digit(c) < base; })) return std::nullopt;
  auto value = BigInt::parse(digits, int(base));
  if (!value) return std::nullopt;
  return Value::integer(minus ? negated(*value) : *value);
}

std::optional<double> parse_real(std::string_view text) {
  auto clean = cleaned(text);
  if (!clean) return std::nullopt;
  std::string_view digits = *clean;
  const bool minus = digits.starts_with('-');
  if (minus || digits.starts_with('+')) digits.remove_prefix(1);
  std::string lower(digits);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  double value = 0;
  if (lower == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (lower == "inf" || lower == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else {
    if (lower.find_first_not_of("0123456789.e+-") != lower.npos || lower.find_first_of("0123456789") == lower.npos)
      return std::nullopt;
    if (lower[0] != '.' && !std::isdigit(static_cast<unsigned char>(lower[0]))) return std::nullopt;
    const char* end = lower.data() + lower.size();
    const auto result = std::from_chars(lower.data(), end, value);
    if (result.ptr != end) return std::nullopt;
    if (result.ec == std::errc::result_out_of_range) {
      // Too large or too small: the sign of the exponent tells.
      const size_t e = lower.find('e');
      value = e != lower.npos && lower[e + 1] == '-' ? 0.0 : std::numeric_limits<double>::infinity();
    }
  }
  return minus ? -value : value;
}

}  // namespace lorikeet::jinja
