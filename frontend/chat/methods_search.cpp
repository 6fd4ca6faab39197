// The methods of texts that search, split and join: Python's str methods.
#include <algorithm>
#include <limits>

#include "frontend/chat/builtins.h"
#include "frontend/chat/operators.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

constexpr size_t kNone = std::string_view::npos;

// The byte at which the i-th code point begins, 0 <= i <= length.
size_t byte_at(const Text& text, int64_t i) {
  if (text.ascii()) return size_t(i);
  size_t at = 0;
  for (; i > 0; --i) unicode::decode(text.bytes, at);
  return at;
}

struct Part {
  std::string_view text;
  size_t offset = 0;   // bytes before it
  bool empty = false;  // it begins after its end: nothing is found in it, not even an empty text
};

// text[start:stop] by Python's rules for missing, none and negative bounds.
Result<Part> part(const Value& value, const Value& start, const Value& stop) {
  const Text& text = *value.get<Kind::text>();
  const int64_t size = text.length();
  const auto bound = [&](const Value& v, int64_t otherwise) -> Result<int64_t> {
    if (v.missing() || v.is(Kind::none)) return otherwise;
    LK_ASSIGN(const int64_t i, to_integer("the method", v));
    return i < 0 ? std::max<int64_t>(i < -size ? 0 : i + size, 0) : i;
  };
  LK_ASSIGN(const int64_t first, bound(start, 0));
  LK_ASSIGN(const int64_t given, bound(stop, size));
  const int64_t last = std::min(given, size);
  if (first > last) return Part{{}, 0, true};
  const size_t begin = byte_at(text, first), end = byte_at(text, last);
  return Part{std::string_view(text.bytes).substr(begin, end - begin), begin, false};
}

size_t find_last(std::string_view text, std::string_view needle) {
  if (needle.size() <= 32) return text.rfind(needle);
  const std::string backwards(text.rbegin(), text.rend()), pattern(needle.rbegin(), needle.rend());
  const size_t at = find_text(backwards, pattern);
  return at == kNone ? kNone : text.size() - at - needle.size();
}

template <bool last, bool must>
Result<Value> find(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("find", arguments, {"", "", "", ""}, 2));
  LK_ASSIGN(const std::string needle, to_text("find", values[1]));
  LK_TRY(evaluator.charge(weight(values[0])));
  LK_ASSIGN(const Part where, part(values[0], values[2], values[3]));
  const size_t at = where.empty ? kNone : last ? find_last(where.text, needle) : find_text(where.text, needle);
  if (at == kNone && must) return fail("the text does not contain '", needle, "'.");
  if (at == kNone) return Value::integer(-1);
  return Value::integer(int64_t(unicode::length(std::string_view(values[0].bytes()).substr(0, where.offset + at))));
}

Result<Value> count(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("count", arguments, {"", "", "", ""}, 2));
  LK_ASSIGN(const std::string needle, to_text("count", values[1]));
  LK_TRY(evaluator.charge(weight(values[0])));
  LK_ASSIGN(const Part where, part(values[0], values[2], values[3]));
  if (where.empty) return Value::integer(0);
  if (needle.empty()) return Value::integer(int64_t(unicode::length(where.text)) + 1);
  int64_t found = 0;
  for (size_t at = 0; (at = find_text(where.text, needle, at)) != kNone; at += needle.size()) ++found;
  return Value::integer(found);
}

template <bool start>
Result<Value> has_affix(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters(start ? "startswith" : "endswith", arguments, {"", "", "", ""}, 2));
  LK_ASSIGN(const Part where, part(values[0], values[2], values[3]));
  std::vector<Value> affixes{values[1]};
  if (values[1].is(Kind::tuple)) affixes = values[1].items();
  LK_TRY(evaluator.charge(weight(values[1])));
  for (const Value& affix : affixes) {
    LK_ASSIGN(const std::string text, to_text(start ? "startswith" : "endswith", affix));
    if (!where.empty && (start ? where.text.starts_with(text) : where.text.ends_with(text)))
      return Value::boolean(true);
  }
  return Value::boolean(false);
}

using Parts = std::vector<std::string_view>;

Result<Value> listed(Evaluator& evaluator, const Parts& parts, bool markup) {
  LK_TRY(evaluator.reserve(parts.size(), sizeof(Value) + sizeof(Text)));
  std::vector<Value> out;
  out.reserve(parts.size());
  for (std::string_view text : parts) {
    LK_ASSIGN(Value value, evaluator.text(std::string(text), markup));
    out.push_back(std::move(value));
  }
  return evaluator.list(std::move(out));
}

Parts split_words(std::string_view text, int64_t limit) {
  Parts out;
  for (text = unicode::strip_left(text); !text.empty(); text = unicode::strip_left(text)) {
    if (limit-- == 0) return out.push_back(text), out;
    size_t end = 0;
    while (end < text.size()) {
      size_t next = end;
      if (unicode::is_space(unicode::decode(text, next))) break;
      end = next;
    }
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

Parts split_words_from_right(std::string_view text, int64_t limit) {
  Parts out;
  for (text = unicode::strip_right(text); !text.empty(); text = unicode::strip_right(text)) {
    if (limit-- == 0) {
      out.push_back(text);
      break;
    }
    size_t start = text.size();
    while (start > 0) {
      size_t before = start - 1;
      while (before > 0 && (static_cast<unsigned char>(text[before]) & 0xc0) == 0x80) --before;
      size_t at = before;
      if (unicode::is_space(unicode::decode(text, at))) break;
      start = before;
    }
    out.push_back(text.substr(start));
    text = text.substr(0, start);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

Parts split_at(std::string_view text, std::string_view separator, int64_t limit) {
  Parts out;
  size_t start = 0;
  for (size_t at; limit-- != 0 && (at = find_text(text, separator, start)) != kNone; start = at + separator.size())
    out.push_back(text.substr(start, at - start));
  out.push_back(text.substr(start));
  return out;
}

Parts split_at_from_right(std::string_view text, std::string_view separator, int64_t limit) {
  Parts out;
  for (size_t at; limit-- != 0 && (at = find_last(text, separator)) != kNone; text = text.substr(0, at))
    out.push_back(text.substr(at + separator.size()));
  out.push_back(text);
  std::reverse(out.begin(), out.end());
  return out;
}

template <bool from_right>
Result<Value> split(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("split", arguments, {"", "sep", "maxsplit"}, 1));
  LK_ASSIGN(const int64_t given, to_integer("split", values[2], -1));
  const int64_t limit = given < 0 ? -1 : given;
  const std::string_view text = values[0].bytes();
  LK_TRY(evaluator.charge(weight(values[0])));
  if (values[1].missing() || values[1].is(Kind::none))
    return listed(evaluator, from_right ? split_words_from_right(text, limit) : split_words(text, limit),
                  values[0].markup());
  LK_ASSIGN(const std::string separator, to_text("split", values[1]));
  if (separator.empty()) return fail("split needs a separator that is not empty.");
  // From the right every cut looks at the whole text that is left.
  if (from_right && separator.size() > 32)
    LK_TRY(evaluator.charge(int64_t(text.size()) * int64_t(text.size() / separator.size() / 64)));
  return listed(evaluator, from_right ? split_at_from_right(text, separator, limit) : split_at(text, separator, limit),
                values[0].markup());
}

Result<Value> splitlines(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("splitlines", arguments, {"", "keepends"}, 1));
  LK_TRY(evaluator.charge(weight(values[0])));
  return listed(evaluator, split_lines(values[0].bytes(), truth(values[1])), values[0].markup());
}

template <bool last>
Result<Value> partition(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("partition", arguments, {"", ""}, 2));
  LK_ASSIGN(const std::string separator, to_text("partition", values[1]));
  if (separator.empty()) return fail("partition needs a separator that is not empty.");
  LK_TRY(evaluator.charge(weight(values[0])));
  const std::string& text = values[0].bytes();
  const size_t at = last ? find_last(text, separator) : find_text(text, separator);
  std::string parts[3];
  if (at != kNone) parts[0] = text.substr(0, at), parts[1] = separator, parts[2] = text.substr(at + separator.size());
  else parts[last ? 2 : 0] = text;
  std::vector<Value> out;
  for (std::string& one : parts) {
    LK_ASSIGN(Value value, evaluator.text(std::move(one), values[0].markup()));
    out.push_back(std::move(value));
  }
  return evaluator.tuple(std::move(out));
}

// Unlike the filter, only texts can be joined.
Result<Value> join(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("join", arguments, {"", ""}, 2));
  LK_ASSIGN(const std::vector<Value> items, evaluator.collect(values[1]));
  const bool markup = values[0].markup();
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!markup && !items[i].text()) return fail("join needs texts, found ", type_name(items[i]), ".");
    LK_ASSIGN(const std::string text, evaluator.str(items[i]));
    LK_TRY(evaluator.reserve(i ? values[0].bytes().size() : 0));
    if (i) out += values[0].bytes();
    out += markup && !items[i].markup() ? escaped(text) : text;
    if (out.size() > evaluator.limits().text) return fail("join makes a text that is too large.");
  }
  return evaluator.text(std::move(out), markup);
}

constexpr Builtin kMethods[] = {
    {"find", find<false, false>},
    {"rfind", find<true, false>},
    {"index", find<false, true>},
    {"rindex", find<true, true>},
    {"count", count},
    {"startswith", has_affix<true>},
    {"endswith", has_affix<false>},
    {"split", split<false>},
    {"rsplit", split<true>},
    {"splitlines", splitlines},
    {"partition", partition<false>},
    {"rpartition", partition<true>},
    {"join", join},
};

}  // namespace

std::span<const Builtin> text_search_methods() { return kMethods; }

}  // namespace lorikeet::jinja
