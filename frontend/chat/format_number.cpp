#include "frontend/chat/format_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "frontend/chat/print.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

constexpr int64_t kMaxPrecision = 1000;

std::string shown(double value, std::chars_format format, int precision) {
  std::string out(size_t(precision) + 400, '\0');
  const auto end = std::to_chars(out.data(), out.data() + out.size(), value, format, precision).ptr;
  out.resize(size_t(end - out.data()));
  return out;
}

}  // namespace

std::string real_digits(double value, char type, int precision) {
  const bool upper = type >= 'A' && type <= 'Z';
  std::string out;
  if (std::isnan(value)) out = "nan";
  else if (std::isinf(value)) out = value < 0 ? "-inf" : "inf";
  else if ((type | 32) == 'f') out = shown(value, std::chars_format::fixed, precision);
  else if ((type | 32) == 'e') out = shown(value, std::chars_format::scientific, precision);
  else out = shown(value, std::chars_format::general, std::max(precision, 1));
  return upper ? unicode::upper(out) : out;
}

std::string grouped(std::string_view digits, char separator, size_t every) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i && (digits.size() - i) % every == 0) out += separator;
    out += digits[i];
  }
  return out;
}

std::string padded(std::string_view text, const FormatSpec& spec, char default_align) {
  const int64_t length = int64_t(unicode::length(text)), pad = std::max<int64_t>(spec.width - length, 0);
  const char align = spec.align ? spec.align : default_align;
  const int64_t left = align == '>' ? pad : align == '^' ? pad / 2 : 0;
  std::string out;
  for (int64_t i = 0; i < left; ++i) unicode::append(out, spec.fill);
  out += text;
  for (int64_t i = left; i < pad; ++i) unicode::append(out, spec.fill);
  return out;
}

Result<FormatSpec> parse_format_spec(std::string_view text) {
  FormatSpec spec;
  size_t at = 0;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  const auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
  const auto take = [&](char c) { return peek() == c && at < text.size() ? (++at, true) : false; };
  bool filled = false;
  if (!text.empty()) {
    size_t after = 0;
    const char32_t fill = unicode::decode(text, after);
    filled = after < text.size() && is_align(text[after]);
    if (filled) spec.fill = fill, spec.align = text[after], at = after + 1;
    else if (is_align(text[0])) spec.align = text[0], at = 1;
  }
  if (peek() == '+' || peek() == '-' || peek() == ' ') spec.sign = text[at++];
  take('z');
  spec.alternate = take('#');
  if (take('0')) {
    if (!filled) spec.fill = '0';
    spec.zeros = !spec.align;
  }
  const auto number = [&](int64_t& to, int64_t limit) -> Status {
    to = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at) {
      to = to * 10 + (text[at] - '0');
      if (to > limit) return fail("a format has a number larger than ", limit, ".");
    }
    return Done{};
  };
  if (peek() >= '0' && peek() <= '9') LK_TRY(number(spec.width, int64_t(1) << 30));
  if (peek() == ',' || peek() == '_') spec.grouping = text[at++];
  if (take('.')) {
    if (peek() < '0' || peek() > '9') return fail("a format has a '.' without a precision.");
    LK_TRY(number(spec.precision, int64_t(1) << 30));
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) return fail("the format '", text, "' is not valid.");
  return spec;
}

namespace {

Result<std::string> whole_digits(const BigInt& value, const FormatSpec& spec, std::string& prefix) {
  BigInt magnitude = value.negative() ? negated(value) : value;
  const char type = spec.type ? spec.type : 'd';
  const int base = (type | 32) == 'x' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  std::string digits = magnitude.text(base);
  if (type == 'X') digits = unicode::upper(digits);
  if (spec.alternate && base != 10) prefix = std::string("0") + type;
  return digits;
}

Result<std::string> real_body(double magnitude, const FormatSpec& spec) {
  const char type = spec.type;
  if (spec.precision > kMaxPrecision) return fail("a format asks for more than ", kMaxPrecision, " digits.");
  const int precision = spec.precision < 0 ? 6 : int(spec.precision);
  if (type == '%') return real_digits(magnitude * 100, 'f', precision) + "%";
  if (type == 'n') return real_digits(magnitude, 'g', precision);
  if (type) return real_digits(magnitude, type, precision);
  if (spec.precision < 0) return real_text(magnitude);
  std::string out = real_digits(magnitude, 'g', precision);
  // Without a type there is always a digit after the point.
  if (out.find_first_not_of("0123456789") == out.npos) {
    if (int64_t(out.size()) < std::max(spec.precision, int64_t(1)) || spec.precision == 0) out += ".0";
    else out = real_digits(magnitude, 'e', std::max(precision - 1, 0));
  }
  return out;
}

}  // namespace

Result<std::string> formatted_number(const Value& number, FormatSpec spec) {
  if (spec.zeros) spec.align = '=';
  constexpr std::string_view kWhole = "bcdoxXn", kReal = "eEfFgGn%";
  const bool as_whole = whole(number) && (!spec.type || kWhole.find(spec.type) != kWhole.npos);
  if (!as_whole && spec.type && kReal.find(spec.type) == kReal.npos)
    return fail("the format type '", spec.type, "' does not fit a ", type_name(number), ".");
  std::string prefix, body;
  bool negative = false;
  if (as_whole) {
    if (spec.precision >= 0) return fail("a precision does not fit an integer.");
    const BigInt value = big(number);
    if (spec.type == 'c') {
      const auto point = value.small();
      if (!point || *point < 0 || *point > 0x10ffff || (*point >= 0xd800 && *point < 0xe000))
        return fail("this is no character.");
      unicode::append(body, char32_t(*point));
      return padded(body, spec, '<');
    }
    negative = value.negative();
    LK_ASSIGN(body, whole_digits(value, spec, prefix));
  } else {
    const double value = as_real(number);
    negative = std::signbit(value) && !std::isnan(value);
    LK_ASSIGN(body, real_body(std::abs(value), spec));
  }
  std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  const size_t whole_end = std::min(body.find_first_not_of("0123456789abcdefABCDEF"), body.size());
  const size_t every =
      as_whole && spec.type && std::string_view("bxXo").find(spec.type) != std::string_view::npos ? 4 : 3;
  const size_t digits_end = as_whole ? whole_end : std::min(body.find_first_not_of("0123456789"), body.size());
  std::string digits = body.substr(0, digits_end), rest = body.substr(digits_end);
  if (!as_whole && spec.alternate && !rest.starts_with('.') && std::isfinite(as_real(number)))
    rest.insert(size_t(0), 1, '.');
  if (spec.fill == '0' && spec.align == '=' && spec.grouping) {
    // Zeros are grouped as well.
    const int64_t room = spec.width - int64_t(sign.size() + prefix.size() + rest.size());
    size_t count = std::max<size_t>(digits.size(), 1);
    while (int64_t(count + (count - 1) / every) < room) ++count;
    digits.insert(size_t(0), count - digits.size(), '0');
  }
  if (spec.grouping && !digits.empty()) digits = grouped(digits, spec.grouping, every);
  const std::string text = digits + rest;
  if (spec.align != '=') return padded(sign + prefix + text, spec, '>');
  FormatSpec inner = spec;
  inner.align = '>';
  inner.width = spec.width - int64_t(sign.size() + prefix.size());
  return sign + prefix + padded(text, inner, '>');
}

}  // namespace lorikeet::jinja
