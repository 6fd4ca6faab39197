#include <algorithm>
#include <limits>

#include "frontend/chat/builtins.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {

Result<std::vector<Value>> parameters(std::string_view function, Arguments& arguments,
                                      std::initializer_list<std::string_view> names, size_t required) {
  if (arguments.positional.size() > names.size())
    return fail(function, " takes at most ", names.size(), " arguments, found ", arguments.positional.size(), ".");
  std::vector<Value> out = std::move(arguments.positional);
  out.resize(names.size());
  for (auto& [name, value] : arguments.keywords) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end() || name.empty()) return fail(function, " has no argument '", name, "'.");
    Value& to = out[size_t(found - names.begin())];
    if (!to.missing()) return fail(function, " is given the argument '", name, "' twice.");
    to = std::move(value);
  }
  for (size_t i = 0; i < required; ++i)
    if (out[i].missing()) return fail(function, " needs ", required, " arguments.");
  return out;
}

Result<int64_t> to_integer(std::string_view function, const Value& value) {
  if (value.is(Kind::integer)) return value.integer();
  if (value.is(Kind::boolean)) return int64_t(value.boolean());
  if (value.is(Kind::big))
    return value.get<Kind::big>()->negative() ? std::numeric_limits<int64_t>::min()
                                              : std::numeric_limits<int64_t>::max();
  if (value.undefined()) return fail(value.get<Kind::undefined>()->message);
  return fail(function, " needs an integer, found ", type_name(value), ".");
}

Result<std::string> to_text(std::string_view function, const Value& value) {
  if (value.text()) return value.bytes();
  if (value.undefined()) return fail(value.get<Kind::undefined>()->message);
  return fail(function, " needs a text, found ", type_name(value), ".");
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

namespace {

// The start of the last code point.
size_t last_point(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

}  // namespace

std::string_view trimmed(std::string_view text, const Value& points, bool left, bool right) {
  if (!points.text()) {
    if (left) text = unicode::strip_left(text);
    return right ? unicode::strip_right(text) : text;
  }
  const std::u32string set = unicode::points(points.bytes());
  const auto inside = [&](char32_t point) { return set.find(point) != std::u32string::npos; };
  while (left && !text.empty()) {
    size_t at = 0;
    if (!inside(unicode::decode(text, at))) break;
    text.remove_prefix(at);
  }
  while (right && !text.empty()) {
    const size_t start = last_point(text);
    size_t at = start;
    if (!inside(unicode::decode(text, at))) break;
    text = text.substr(0, start);
  }
  return text;
}

namespace {

// Calls `visit(position)` for each place where `from` is replaced.
template <class Visit>
void places(std::string_view text, std::string_view from, int64_t count, Visit visit) {
  if (count < 0) count = std::numeric_limits<int64_t>::max();
  if (from.empty()) {  // before every character and at the end
    for (size_t at = 0; count-- > 0;) {
      visit(at);
      if (at >= text.size()) return;
      unicode::decode(text, at);
    }
    return;
  }
  size_t at = 0;
  while (count-- > 0 && (at = find_text(text, from, at)) != std::string_view::npos) {
    visit(at);
    at += from.size();
  }
}

}  // namespace

size_t replaced_size(std::string_view text, std::string_view from, std::string_view to, int64_t count) {
  size_t found = 0;
  places(text, from, count, [&](size_t) { ++found; });
  if (to.size() && found > std::numeric_limits<size_t>::max() / 4 / to.size())
    return std::numeric_limits<size_t>::max();
  return text.size() + found * to.size() - found * from.size();
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to, int64_t count) {
  std::string out;
  size_t done = 0;
  places(text, from, count, [&](size_t at) {
    out.append(text.substr(done, at - done)).append(to);
    done = at + from.size();
  });
  return out.append(text.substr(done));
}

// Python's line boundaries; \r\n is one.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  constexpr std::u32string_view kEnds = U"\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029";
  std::vector<std::string_view> out;
  for (size_t start = 0, at = 0; start < text.size();) {
    const size_t end = at;
    char32_t point = at < text.size() ? unicode::decode(text, at) : U'\n';
    if (kEnds.find(point) == std::u32string_view::npos) continue;
    if (point == '\r' && at < text.size() && text[at] == '\n') ++at;
    out.push_back(text.substr(start, (keep_ends ? at : end) - start));
    start = at;
  }
  return out;
}

}  // namespace lorikeet::jinja
