// Filters on texts: case, HTML, JSON, replacing.
#include <algorithm>
#include <cctype>
#include <charconv>

#include "frontend/chat/builtins.h"
#include "frontend/chat/html.h"
#include "frontend/chat/operators.h"
#include "frontend/chat/print.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

// Texts stay as they are, everything else becomes its str().
Result<Value> soft(Evaluator& evaluator, const Value& value) {
  if (value.text()) {
    LK_TRY(evaluator.charge(weight(value)));
    return value;
  }
  LK_ASSIGN(std::string bytes, evaluator.str(value));
  return Value::text(std::move(bytes));
}

template <std::string (*change)(std::string_view)>
Result<Value> changed(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("the filter", arguments, {"s"}, 1));
  LK_ASSIGN(const Value text, soft(evaluator, values[0]));
  LK_TRY(evaluator.reserve(text.bytes().size(), 4));
  return evaluator.text(change(text.bytes()), text.markup());
}

Result<Value> string(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("string", arguments, {"value"}, 1));
  return soft(evaluator, values[0]);
}

// Words begin after white space, hyphens and opening brackets.
std::string title_words(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const auto separator = [&](size_t& next) {
      const char32_t point = unicode::decode(text, next);
      return unicode::is_space(point) || std::u32string_view(U"-({[<").find(point) != std::u32string_view::npos;
    };
    size_t next = at;
    if (separator(next)) {
      out += text.substr(at, next - at);
      at = next;
      continue;
    }
    const size_t second = next;
    size_t end = next;
    while (end < text.size()) {
      size_t after = end;
      if (separator(after)) break;
      end = after;
    }
    out += unicode::upper(text.substr(at, second - at)) + unicode::lower(text.substr(second, end - second));
    at = end;
  }
  return out;
}

Result<Value> trim(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("trim", arguments, {"value", "chars"}, 1));
  if (!values[1].missing() && !values[1].is(Kind::none)) {
    LK_ASSIGN(const std::string chars, to_text("trim", values[1]));
    LK_TRY(evaluator.charge(int64_t(chars.size())));
  }
  LK_ASSIGN(const Value text, soft(evaluator, values[0]));
  return evaluator.text(std::string(trimmed(text.bytes(), values[1], true, true)), text.markup());
}

Result<Value> replace(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("replace", arguments, {"s", "old", "new", "count"}, 3));
  LK_ASSIGN(const std::string text, evaluator.str(values[0]));
  LK_ASSIGN(const std::string from, evaluator.str(values[1]));
  LK_ASSIGN(const std::string to, evaluator.str(values[2]));
  int64_t count = -1;
  if (!values[3].is(Kind::none)) {
    LK_ASSIGN(count, to_integer("replace", values[3], -1));
  }
  LK_TRY(evaluator.reserve(replaced_size(text, from, to, count)));
  return evaluator.text(replaced(text, from, to, count));
}

Result<Value> escape(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("escape", arguments, {"s"}, 1));
  if (values[0].markup()) return values[0];
  LK_ASSIGN(const std::string text, evaluator.str(values[0]));
  LK_TRY(evaluator.reserve(text.size(), 5));
  return evaluator.text(escaped(text), true);
}

Result<Value> force_escape(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("forceescape", arguments, {"value"}, 1));
  LK_ASSIGN(const std::string text, evaluator.str(values[0]));
  LK_TRY(evaluator.reserve(text.size(), 5));
  return evaluator.text(escaped(text), true);
}

Result<Value> safe(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("safe", arguments, {"value"}, 1));
  LK_ASSIGN(std::string text, evaluator.str(values[0]));
  return evaluator.text(std::move(text), true);
}

Result<Value> striptags(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("striptags", arguments, {"value"}, 1));
  LK_ASSIGN(const std::string text, evaluator.str(values[0]));
  return evaluator.text(without_tags(text));
}

Result<Value> format(Evaluator& evaluator, Arguments& arguments) {
  if (arguments.positional.empty()) return fail("format needs a value.");
  LK_ASSIGN(const Value text, soft(evaluator, arguments.positional[0]));
  arguments.positional.erase(arguments.positional.begin());
  if (arguments.keywords.empty()) {
    LK_ASSIGN(const Value tuple, evaluator.tuple(std::move(arguments.positional)));
    return percent_format(evaluator, text, tuple);
  }
  if (!arguments.positional.empty()) return fail("format cannot take named and unnamed arguments together.");
  Dict named;
  for (auto& [name, value] : arguments.keywords) named.set(Value::text(name), std::move(value));
  return percent_format(evaluator, text, Value::dict(std::move(named)));
}

Result<Value> wordcount(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("wordcount", arguments, {"s"}, 1));
  LK_ASSIGN(const Value text, soft(evaluator, values[0]));
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0; at < text.bytes().size();) {
    const char32_t point = unicode::decode(text.bytes(), at);
    const bool word = point == '_' || unicode::is_alnum(point);
    words += word && !inside;
    inside = word;
  }
  return Value::integer(words);
}

std::string quoted_url(std::string_view text, bool query) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (byte < 0x80 && std::isalnum(byte)) || c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !query);
    if (plain) out += c;
    else if (c == ' ' && query) out += '+';
    else out += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
  }
  return out;
}

Result<Value> urlencode(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("urlencode", arguments, {"value"}, 1));
  const Value& value = values[0];
  if (value.text() || !evaluator.iterable(value)) {
    LK_ASSIGN(const std::string text, evaluator.str(value));
    LK_TRY(evaluator.reserve(text.size(), 3));
    return evaluator.text(quoted_url(text, false));
  }
  std::string out;
  const auto pair = [&](const Value& key, const Value& entry) -> Status {
    LK_ASSIGN(const std::string name, evaluator.str(key));
    LK_ASSIGN(const std::string text, evaluator.str(entry));
    LK_TRY(evaluator.reserve(name.size() + text.size(), 3));
    out += (out.empty() ? "" : "&") + quoted_url(name, true) + "=" + quoted_url(text, true);
    return Done{};
  };
  if (value.is(Kind::dict)) {
    for (const auto& [key, entry] : value.dict().items()) LK_TRY(pair(key, entry));
  } else {
    LK_ASSIGN(const std::vector<Value> items, evaluator.collect(value));
    for (const Value& item : items) {
      LK_ASSIGN(const std::vector<Value> parts, evaluator.collect(item));
      if (parts.size() != 2) return fail("urlencode needs pairs of a key and a value.");
      LK_TRY(pair(parts[0], parts[1]));
    }
  }
  return evaluator.text(std::move(out));
}

Result<Value> xmlattr(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("xmlattr", arguments, {"d", "autospace"}, 1));
  if (!values[0].is(Kind::dict)) return fail("xmlattr needs a dict, found ", type_name(values[0]), ".");
  std::string out;
  for (const auto& [key, value] : values[0].dict().items()) {
    if (value.is(Kind::none) || value.undefined()) continue;
    LK_ASSIGN(const std::string name, to_text("xmlattr", key));
    if (name.find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      return fail("xmlattr finds a character that no attribute name has in '", name, "'.");
    LK_ASSIGN(const std::string text, evaluator.str(value));
    LK_TRY(evaluator.reserve(name.size() + text.size(), 5));
    out += (out.empty() ? "" : " ") + (key.markup() ? name : escaped(name)) + "=\"" +
           (value.markup() ? text : escaped(text)) + "\"";
  }
  const bool space = values[1].missing() || truth(values[1]);
  if (space && !out.empty()) out.insert(0, " ");
  return evaluator.text(std::move(out));
}

Result<std::string> separator(const Value& value, std::string otherwise) {
  if (value.missing()) return otherwise;
  return to_text("tojson", value);
}

// tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False)
Result<Value> tojson(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values,
            parameters("tojson", arguments, {"value", "ensure_ascii", "indent", "separators", "sort_keys"}, 1));
  JsonStyle style;
  style.ascii = truth(values[1]);
  style.sort_keys = truth(values[4]);
  if (values[2].text()) {
    style.indented = true;
    style.indent = values[2].bytes();
  } else if (!values[2].missing() && !values[2].is(Kind::none)) {
    LK_ASSIGN(const int64_t width, to_integer("tojson", values[2]));
    if (width > 1000) return fail("the indent of tojson is more than 1000.");
    style.indented = true;
    style.indent.assign(size_t(std::max<int64_t>(width, 0)), ' ');
  }
  if (style.indented) style.item_separator = ",";
  if (!values[3].missing() && !values[3].is(Kind::none)) {
    LK_ASSIGN(const std::vector<Value> pair, evaluator.collect(values[3]));
    if (pair.size() != 2) return fail("the separators of tojson are not a pair.");
    LK_ASSIGN(style.item_separator, separator(pair[0], ""));
    LK_ASSIGN(style.key_separator, separator(pair[1], ""));
  }
  if (style.indent.size() + style.item_separator.size() + style.key_separator.size() > 3000)
    return fail("the indent and separators of tojson are too long.");
  LK_TRY(evaluator.charge(weight(values[0])));
  std::string out;
  LK_TRY(append_json(out, values[0], style, evaluator.limits().text));
  return evaluator.text(std::move(out));
}

Result<Value> pprint(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("pprint", arguments, {"value"}, 1));
  LK_TRY(evaluator.charge(weight(values[0])));
  std::string out;
  if (!append_pretty(out, values[0], evaluator.limits().text)) return fail("pprint makes a text that is too large.");
  return evaluator.text(std::move(out));
}

Result<Value> unsupported_filter(Evaluator&, Arguments&) { return fail("this filter is not supported."); }

constexpr Builtin kFilters[] = {
    {"random", unsupported_filter},
    {"urlize", unsupported_filter},
    {"capitalize", changed<unicode::capitalize>},
    {"lower", changed<unicode::lower>},
    {"upper", changed<unicode::upper>},
    {"title", changed<title_words>},
    {"string", string},
    {"trim", trim},
    {"replace", replace},
    {"e", escape},
    {"escape", escape},
    {"forceescape", force_escape},
    {"safe", safe},
    {"striptags", striptags},
    {"format", format},
    {"wordcount", wordcount},
    {"urlencode", urlencode},
    {"xmlattr", xmlattr},
    {"tojson", tojson},
    {"pprint", pprint},
};

}  // namespace

std::span<const Builtin> text_filters() { return kFilters; }

}  // namespace lorikeet::jinja
