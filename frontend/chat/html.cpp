#include "frontend/chat/html.h"

#include <charconv>

#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

struct Entity {
  std::string_view name;
  char32_t point;
};
constexpr Entity kEntities[] = {
    {"amp", '&'},       {"lt", '<'},       {"gt", '>'},       {"quot", '"'},     {"apos", '\''},
    {"nbsp", 0xa0},     {"copy", 0xa9},    {"reg", 0xae},     {"deg", 0xb0},     {"middot", 0xb7},
    {"laquo", 0xab},    {"raquo", 0xbb},   {"times", 0xd7},   {"ndash", 0x2013}, {"mdash", 0x2014},
    {"lsquo", 0x2018},  {"rsquo", 0x2019}, {"ldquo", 0x201c}, {"rdquo", 0x201d}, {"bull", 0x2022},
    {"hellip", 0x2026}, {"euro", 0x20ac},  {"trade", 0x2122}, {"larr", 0x2190},  {"rarr", 0x2192},
};

// The character reference at the start of `text` (after '&'): its end, or 0.
size_t reference(std::string_view text, char32_t& point) {
  if (text.starts_with('#')) {
    const bool hex = text.size() > 1 && (text[1] | 32) == 'x';
    const char* begin = text.data() + (hex ? 2 : 1);
    unsigned value = 0;
    const auto parsed = std::from_chars(begin, text.data() + text.size(), value, hex ? 16 : 10);
    if (parsed.ptr == begin) return 0;
    const bool bad = parsed.ec != std::errc() || value == 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000);
    point = bad ? 0xfffd : value;
    const size_t end = size_t(parsed.ptr - text.data());
    return end + (end < text.size() && text[end] == ';');
  }
  for (const Entity& entity : kEntities) {
    if (!text.starts_with(entity.name) || text.substr(entity.name.size(), 1) != ";") continue;
    point = entity.point;
    return entity.name.size() + 1;
  }
  return 0;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    char32_t point = 0;
    const size_t size = text[at] == '&' ? reference(text.substr(at + 1, 40), point) : 0;
    if (size) unicode::append(out, point);
    else out += text[at];
    at += size + 1;
  }
  return out;
}

}  // namespace

std::string without_tags(std::string_view text) {
  std::string kept;
  size_t at = 0;
  for (size_t start; (start = text.find('<', at)) != std::string_view::npos;) {
    const bool comment = text.substr(start).starts_with("<!--");
    const size_t end = comment ? text.find("-->", start + 4) : text.find('>', start);
    if (end == std::string_view::npos) break;
    kept += text.substr(at, start - at);
    at = end + (comment ? 3 : 1);
  }
  kept += text.substr(at);
  std::string words;
  for (std::string_view rest = unicode::strip(kept); !rest.empty(); rest = unicode::strip_left(rest)) {
    size_t end = 0;
    while (end < rest.size()) {
      size_t next = end;
      if (unicode::is_space(unicode::decode(rest, next))) break;
      end = next;
    }
    if (!words.empty()) words += ' ';
    words += rest.substr(0, end);
    rest.remove_prefix(end);
  }
  return unescaped(words);
}

}  // namespace lorikeet::jinja
