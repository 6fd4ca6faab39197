#include "frontend/chat/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "frontend/chat/unicode_tables.h"

namespace lorikeet::jinja::unicode {
namespace {

constexpr char32_t kReplacement = 0xfffd;

// The length of the well-formed sequence at `at`; 0 if there is none. `invalid` is the length of the bad part.
size_t sequence(std::string_view text, size_t at, char32_t& point, size_t& invalid) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  invalid = 1;
  if (first < 0x80) return point = first, 1;
  size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  char32_t value = first & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    if (at + i >= text.size()) return 0;
    unsigned char low = 0x80, high = 0xbf;
    if (i == 1 && first == 0xe0) low = 0xa0;
    if (i == 1 && first == 0xed) high = 0x9f;  // no surrogates
    if (i == 1 && first == 0xf0) low = 0x90;
    if (i == 1 && first == 0xf4) high = 0x8f;
    if (byte(i) < low || byte(i) > high) return 0;
    value = (value << 6) | (byte(i) & 0x3f);
    invalid = i + 1;
  }
  point = value;
  return size;
}

template <size_t n>
bool within(const Range (&ranges)[n], char32_t point) {
  const auto* found = std::upper_bound(std::begin(ranges), std::end(ranges), point,
                                       [](char32_t value, const Range& range) { return value < range.first; });
  return found != std::begin(ranges) && point <= std::prev(found)->last;
}

template <size_t n>
const Expansion* expansion(const Expansion (&table)[n], char32_t point) {
  const auto* found = std::lower_bound(std::begin(table), std::end(table), point,
                                       [](const Expansion& entry, char32_t value) { return entry.point < value; });
  return found != std::end(table) && found->point == point ? found : nullptr;
}

void append_expansion(std::string& out, const Expansion& entry) {
  for (char32_t point : entry.to)
    if (point) append(out, point);
}

utf8proc_category_t category(char32_t point) {
  return static_cast<utf8proc_category_t>(utf8proc_get_property(utf8proc_int32_t(point))->category);
}

bool ignorable_for_case(char32_t point) {
  switch (category(point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      break;
  }
  constexpr char32_t kMidWord[] = {0x27,   0x2e,   0x3a,   0xb7,   0x387,  0x55f,  0x5f4,  0x2018, 0x2019,
                                   0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};
  return std::binary_search(std::begin(kMidWord), std::end(kMidWord), point);
}

// A capital sigma ends a word if a cased character comes before it and none after it.
bool final_sigma(std::u32string_view text, size_t at) {
  size_t before = at;
  while (before > 0 && ignorable_for_case(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  size_t after = at + 1;
  while (after < text.size() && ignorable_for_case(text[after])) ++after;
  return after == text.size() || !is_cased(text[after]);
}

void append_lower(std::string& out, std::u32string_view text, size_t at) {
  const char32_t point = text[at];
  if (point == 0x3a3) return append(out, final_sigma(text, at) ? 0x3c2 : 0x3c3);
  if (point == 0x130) return append(out, 'i'), append(out, 0x307);
  append(out, char32_t(utf8proc_tolower(utf8proc_int32_t(point))));
}

void append_upper(std::string& out, char32_t point) {
  if (const Expansion* entry = expansion(kUpperExpansions, point)) return append_expansion(out, *entry);
  append(out, char32_t(utf8proc_toupper(utf8proc_int32_t(point))));
}

void append_title(std::string& out, char32_t point) {
  if (const Expansion* entry = expansion(kTitleExpansions, point)) return append_expansion(out, *entry);
  append(out, char32_t(utf8proc_totitle(utf8proc_int32_t(point))));
}

char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }
char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; }

}  // namespace

char32_t decode(std::string_view text, size_t& at) {
  char32_t point = kReplacement;
  size_t invalid = 1;
  const size_t size = sequence(text, at, point, invalid);
  at += size ? size : invalid;
  return size ? point : kReplacement;
}

void append(std::string& out, char32_t point) {
  if (point < 0x80) {
    out += char(point);
  } else if (point < 0x800) {
    out += char(0xc0 | (point >> 6));
    out += char(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    out += char(0xe0 | (point >> 12));
    out += char(0x80 | ((point >> 6) & 0x3f));
    out += char(0x80 | (point & 0x3f));
  } else {
    out += char(0xf0 | (point >> 18));
    out += char(0x80 | ((point >> 12) & 0x3f));
    out += char(0x80 | ((point >> 6) & 0x3f));
    out += char(0x80 | (point & 0x3f));
  }
}

size_t length(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) decode(text, at);
  return count;
}

bool ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool valid(std::string_view text) {
  char32_t point;
  size_t invalid;
  for (size_t at = 0; at < text.size();) {
    const size_t size = sequence(text, at, point, invalid);
    if (!size) return false;
    at += size;
  }
  return true;
}

std::string repaired(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) append(out, decode(text, at));
  return out;
}

std::u32string points(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) out += decode(text, at);
  return out;
}

std::string bytes(std::u32string_view points) {
  std::string out;
  out.reserve(points.size());
  for (char32_t point : points) append(out, point);
  return out;
}

bool is_space(char32_t point) {
  if (point < 0x80) return (point >= 9 && point <= 13) || (point >= 0x1c && point <= 0x20);
  return point == 0x85 || category(point) == UTF8PROC_CATEGORY_ZS || point == 0x2028 || point == 0x2029;
}

bool is_alpha(char32_t point) {
  const auto c = category(point);
  return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t point) { return category(point) == UTF8PROC_CATEGORY_ND; }
bool is_digit(char32_t point) { return is_decimal(point) || within(kDigits, point); }
bool is_numeric(char32_t point) {
  const auto c = category(point);
  return (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO) || within(kNumericLetters, point);
}
bool is_alnum(char32_t point) { return is_alpha(point) || is_numeric(point); }
bool is_lower(char32_t point) { return category(point) == UTF8PROC_CATEGORY_LL || within(kOtherLower, point); }
bool is_upper(char32_t point) { return category(point) == UTF8PROC_CATEGORY_LU || within(kOtherUpper, point); }
bool is_title(char32_t point) { return category(point) == UTF8PROC_CATEGORY_LT; }
bool is_cased(char32_t point) { return is_lower(point) || is_upper(point) || is_title(point); }

bool is_printable(char32_t point) {
  if (point == ' ') return true;
  switch (category(point)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

bool starts_identifier(char32_t point) {
  return point == '_' || is_alpha(point) || category(point) == UTF8PROC_CATEGORY_NL;
}

bool continues_identifier(char32_t point) {
  switch (category(point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return starts_identifier(point);
  }
}

std::string lower(std::string_view text) {
  std::string out;
  if (ascii(text)) {
    out.assign(text);
    std::transform(out.begin(), out.end(), out.begin(), ascii_lower);
    return out;
  }
  const std::u32string all = points(text);
  for (size_t i = 0; i < all.size(); ++i) append_lower(out, all, i);
  return out;
}

std::string upper(std::string_view text) {
  std::string out;
  if (ascii(text)) {
    out.assign(text);
    std::transform(out.begin(), out.end(), out.begin(), ascii_upper);
    return out;
  }
  for (size_t at = 0; at < text.size();) append_upper(out, decode(text, at));
  return out;
}

std::string title(std::string_view text) {
  const std::u32string all = points(text);
  std::string out;
  bool inside = false;
  for (size_t i = 0; i < all.size(); ++i) {
    if (inside) append_lower(out, all, i);
    else append_title(out, all[i]);
    inside = is_cased(all[i]);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  const std::u32string all = points(text);
  std::string out;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i) append_lower(out, all, i);
    else append_title(out, all[i]);
  }
  return out;
}

std::string swapcase(std::string_view text) {
  const std::u32string all = points(text);
  std::string out;
  for (size_t i = 0; i < all.size(); ++i) {
    if (is_upper(all[i])) append_lower(out, all, i);
    else if (is_lower(all[i])) append_upper(out, all[i]);
    else append(out, all[i]);
  }
  return out;
}

std::string casefold(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t folded[8];
    int boundary = 0;
    const char32_t point = decode(text, at);
    const auto count =
        utf8proc_decompose_char(utf8proc_int32_t(point), folded, std::size(folded), UTF8PROC_CASEFOLD, &boundary);
    if (count <= 0 || count > utf8proc_ssize_t(std::size(folded))) append(out, point);
    else
      for (utf8proc_ssize_t i = 0; i < count; ++i) append(out, char32_t(folded[i]));
  }
  return out;
}

std::string_view strip_left(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    if (!is_space(decode(text, at))) return text.substr(start);
  }
  return {};
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
    size_t at = start;
    if (!is_space(decode(text, at))) return text;
    text = text.substr(0, start);
  }
  return text;
}

}  // namespace lorikeet::jinja::unicode
