// The methods of texts that change or describe them: Python's str methods.
#include <algorithm>

#include "frontend/chat/builtins.h"
#include "frontend/chat/format_number.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

Result<Value> self(Evaluator& evaluator, Arguments& arguments, std::string_view method) {
  LK_ASSIGN(const auto values, parameters(method, arguments, {""}, 1));
  LK_TRY(evaluator.charge(weight(values[0])));
  return values[0];
}

template <std::string (*change)(std::string_view)>
Result<Value> changed(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const Value text, self(evaluator, arguments, "the method"));
  LK_TRY(evaluator.reserve(text.bytes().size(), 4));
  return evaluator.text(change(text.bytes()), text.markup());
}

template <bool left, bool right>
Result<Value> strip(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("strip", arguments, {"", "chars"}, 1));
  if (!values[1].missing() && !values[1].is(Kind::none)) {
    LK_ASSIGN(const std::string chars, to_text("strip", values[1]));
    LK_TRY(evaluator.charge(int64_t(chars.size() / 8) * int64_t(1 + values[0].bytes().size() / 8)));
  }
  LK_TRY(evaluator.charge(weight(values[0])));
  return evaluator.text(std::string(trimmed(values[0].bytes(), values[1], left, right)), values[0].markup());
}

template <bool prefix>
Result<Value> remove_affix(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters(prefix ? "removeprefix" : "removesuffix", arguments, {"", ""}, 2));
  LK_ASSIGN(const std::string affix, to_text("removeprefix", values[1]));
  const std::string& text = values[0].bytes();
  if (affix.empty() || !(prefix ? text.starts_with(affix) : text.ends_with(affix))) return values[0];
  return evaluator.text(prefix ? text.substr(affix.size()) : text.substr(0, text.size() - affix.size()),
                        values[0].markup());
}

// The fill character of center, ljust and rjust.
Result<char32_t> fill(const Value& value) {
  if (value.missing()) return U' ';
  LK_ASSIGN(const std::string text, to_text("the fill", value));
  const std::u32string points = unicode::points(text);
  if (points.size() != 1) return fail("the fill must be exactly one character.");
  return points[0];
}

template <char align>
Result<Value> justify(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("the method", arguments, {"", "width", "fillchar"}, 2));
  LK_ASSIGN(const int64_t width, to_integer("the method", values[1]));
  LK_ASSIGN(const char32_t filler, fill(values[2]));
  const int64_t length = values[0].get<Kind::text>()->length(), pad = std::max<int64_t>(width - length, 0);
  LK_TRY(evaluator.reserve(size_t(pad), 4));
  const int64_t left = align == '<' ? 0 : align == '>' ? pad : pad / 2 + (pad & width & 1);
  std::u32string out(size_t(left), filler);
  out += unicode::points(values[0].bytes());
  out.append(size_t(pad - left), filler);
  return evaluator.text(unicode::bytes(out), values[0].markup());
}

Result<Value> zfill(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("zfill", arguments, {"", ""}, 2));
  LK_ASSIGN(const int64_t width, to_integer("zfill", values[1]));
  std::string text = values[0].bytes();
  const int64_t pad = std::max<int64_t>(width - values[0].get<Kind::text>()->length(), 0);
  LK_TRY(evaluator.reserve(size_t(pad)));
  const bool sign = text.starts_with('+') || text.starts_with('-');
  text.insert(sign, size_t(pad), '0');
  return evaluator.text(std::move(text), values[0].markup());
}

Result<Value> expandtabs(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("expandtabs", arguments, {"", "tabsize"}, 1));
  LK_ASSIGN(const int64_t size, to_integer("expandtabs", values[1], 8));
  const std::string& text = values[0].bytes();
  const size_t tabs = size_t(std::count(text.begin(), text.end(), '\t'));
  LK_TRY(evaluator.reserve(tabs, size_t(std::max<int64_t>(size, 1))));
  std::string out;
  int64_t column = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t point = unicode::decode(text, at);
    if (point == '\t') {
      const int64_t spaces = size > 0 ? size - column % size : 0;
      out.append(size_t(spaces), ' ');
      column += spaces;
      continue;
    }
    out += text.substr(start, at - start);
    column = point == '\n' || point == '\r' ? 0 : column + 1;
  }
  return evaluator.text(std::move(out), values[0].markup());
}

Result<Value> replace(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("replace", arguments, {"", "", "", "count"}, 3));
  LK_ASSIGN(const std::string from, to_text("replace", values[1]));
  LK_ASSIGN(std::string to, to_text("replace", values[2]));
  LK_ASSIGN(const int64_t count, to_integer("replace", values[3], -1));
  const std::string& text = values[0].bytes();
  if (values[0].markup() && !values[2].markup()) to = escaped(to);
  LK_TRY(evaluator.charge(weight(values[0]) + weight(values[1]) + weight(values[2])));
  LK_TRY(evaluator.reserve(replaced_size(text, from, to, count)));
  return evaluator.text(replaced(text, from, to, count), values[0].markup());
}

Result<Value> format(Evaluator& evaluator, Arguments& arguments) {
  const Value format = std::move(arguments.positional.front());
  arguments.positional.erase(arguments.positional.begin());
  return brace_format(evaluator, format, arguments);
}

Result<Value> format_map(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("format_map", arguments, {"", ""}, 2));
  if (!values[1].is(Kind::dict)) return fail("format_map needs a dict, found ", type_name(values[1]), ".");
  Arguments named;
  for (const auto& [key, value] : values[1].dict().items())
    if (key.text()) named.keywords.emplace_back(key.bytes(), value);
  LK_TRY(evaluator.charge(int64_t(named.keywords.size())));
  return brace_format(evaluator, values[0], named);
}

// All characters have a property, and there is one.
template <bool (*holds)(char32_t)>
Result<Value> all(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const Value text, self(evaluator, arguments, "the method"));
  const std::string& bytes = text.bytes();
  for (size_t at = 0; at < bytes.size();)
    if (!holds(unicode::decode(bytes, at))) return Value::boolean(false);
  return Value::boolean(!bytes.empty());
}

Result<Value> isascii(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const Value text, self(evaluator, arguments, "isascii"));
  return Value::boolean(unicode::ascii(text.bytes()));
}

Result<Value> isprintable(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const Value text, self(evaluator, arguments, "isprintable"));
  if (text.bytes().empty()) return Value::boolean(true);
  Arguments again{{text}, {}};
  return all<unicode::is_printable>(evaluator, again);
}

Result<Value> isidentifier(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const Value text, self(evaluator, arguments, "isidentifier"));
  const std::u32string points = unicode::points(text.bytes());
  if (points.empty() || !unicode::starts_identifier(points[0])) return Value::boolean(false);
  return Value::boolean(std::all_of(points.begin(), points.end(), unicode::continues_identifier));
}

template <bool (*wanted)(char32_t), bool (*unwanted)(char32_t)>
Result<Value> one_case(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const Value text, self(evaluator, arguments, "the method"));
  bool any = false;
  for (size_t at = 0; at < text.bytes().size();) {
    const char32_t point = unicode::decode(text.bytes(), at);
    if (unwanted(point) || unicode::is_title(point)) return Value::boolean(false);
    any |= wanted(point);
  }
  return Value::boolean(any);
}

// Capitals after characters without case only, small letters after letters only.
Result<Value> istitle(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const Value text, self(evaluator, arguments, "istitle"));
  bool inside = false, any = false;
  for (size_t at = 0; at < text.bytes().size();) {
    const char32_t point = unicode::decode(text.bytes(), at);
    const bool capital = unicode::is_upper(point) || unicode::is_title(point);
    if (capital && inside) return Value::boolean(false);
    if (unicode::is_lower(point) && !inside) return Value::boolean(false);
    inside = unicode::is_cased(point);
    any |= inside;
  }
  return Value::boolean(any);
}

Result<Value> unsupported_method(Evaluator&, Arguments&) { return fail("this method of str is not supported."); }

constexpr Builtin kMethods[] = {
    {"encode", unsupported_method},
    {"translate", unsupported_method},
    {"maketrans", unsupported_method},
    {"lower", changed<unicode::lower>},
    {"upper", changed<unicode::upper>},
    {"title", changed<unicode::title>},
    {"capitalize", changed<unicode::capitalize>},
    {"swapcase", changed<unicode::swapcase>},
    {"casefold", changed<unicode::casefold>},
    {"strip", strip<true, true>},
    {"lstrip", strip<true, false>},
    {"rstrip", strip<false, true>},
    {"removeprefix", remove_affix<true>},
    {"removesuffix", remove_affix<false>},
    {"center", justify<'^'>},
    {"ljust", justify<'<'>},
    {"rjust", justify<'>'>},
    {"zfill", zfill},
    {"expandtabs", expandtabs},
    {"replace", replace},
    {"format", format},
    {"format_map", format_map},
    {"isalpha", all<unicode::is_alpha>},
    {"isalnum", all<unicode::is_alnum>},
    {"isdigit", all<unicode::is_digit>},
    {"isdecimal", all<unicode::is_decimal>},
    {"isnumeric", all<unicode::is_numeric>},
    {"isspace", all<unicode::is_space>},
    {"isascii", isascii},
    {"isprintable", isprintable},
    {"isidentifier", isidentifier},
    {"islower", one_case<unicode::is_lower, unicode::is_upper>},
    {"isupper", one_case<unicode::is_upper, unicode::is_lower>},
    {"istitle", istitle},
};

}  // namespace

std::span<const Builtin> text_methods() { return kMethods; }

}  // namespace lorikeet::jinja
