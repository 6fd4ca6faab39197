// text.format(...), as Python formats it, with attributes looked up by the rules of the sandbox.
#include <algorithm>

#include "frontend/chat/builtins.h"
#include "frontend/chat/format_number.h"
#include "frontend/chat/print.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

class BraceFormat {
 public:
  BraceFormat(Evaluator& evaluator, const Arguments& arguments) : evaluator_(evaluator), arguments_(arguments) {}

  Result<std::string> run(std::string_view format, int level) {
    if (level > 2) return fail("the fields of a format are nested too deeply.");
    std::string out;
    for (size_t at = 0; at < format.size();) {
      const char c = format[at++];
      const bool twice = at < format.size() && format[at] == c;
      if (c == '{' && !twice) {
        LK_ASSIGN(const size_t end, field_end(format, at));
        LK_ASSIGN(const std::string value, field(format.substr(at, end - at), level));
        out += value;
        at = end + 1;
      } else if (c == '}' && !twice) {
        return fail("the format has a single '}'.");
      } else {
        out += c;
        if ((c == '{' || c == '}') && twice) ++at;
      }
    }
    LK_TRY(evaluator_.reserve(out.size()));
    return out;
  }

 private:
  static Result<size_t> field_end(std::string_view format, size_t start) {
    int depth = 1;
    for (size_t at = start; at < format.size(); ++at) {
      if (format[at] == '{') ++depth;
      if (format[at] == '}' && --depth == 0) return at;
    }
    return fail("the format has a field without an end.");
  }

  // name[.attribute|[item]]... [!conversion] [:specification]
  Result<std::string> field(std::string_view text, int level) {
    size_t name_end = 0;
    for (bool bracket = false; name_end < text.size(); ++name_end) {
      if (text[name_end] == '[') bracket = true;
      if (text[name_end] == ']') bracket = false;
      if (!bracket && (text[name_end] == '!' || text[name_end] == ':')) break;
    }
    LK_ASSIGN(Value value, find(text.substr(0, name_end)));
    std::string_view rest = text.substr(name_end);
    if (rest.starts_with('!')) {
      if (rest.size() < 2) return fail("the format has a '!' without a conversion.");
      LK_ASSIGN(value, converted(value, rest[1]));
      rest.remove_prefix(2);
    }
    if (!rest.empty() && rest[0] != ':') return fail("the format has something other than ':' after a conversion.");
    std::string spec;
    if (!rest.empty()) {
      LK_ASSIGN(spec, run(rest.substr(1), level + 1));
    }
    return formatted(value, spec);
  }

  Result<Value> converted(const Value& value, char conversion) {
    std::string out;
    if (conversion == 's') {
      LK_ASSIGN(out, evaluator_.str(value));
    } else if (conversion == 'r' || conversion == 'a') {
      LK_TRY(evaluator_.charge(weight(value)));
      if (!append_repr(out, value, evaluator_.limits().text)) return fail("a format makes a text that is too large.");
    } else {
      return fail("the format has an unknown conversion '", conversion, "'.");
    }
    return evaluator_.text(std::move(out));
  }

  Result<Value> find(std::string_view name) {
    LK_ASSIGN(const std::string number, numbered(name));
    const std::string_view first(number.empty() ? name : std::string_view(number));
    const size_t first_end = number.empty() ? std::min(name.find_first_of(".["), name.size()) : name.size();
    LK_ASSIGN(Value value, argument(first.substr(0, number.empty() ? first_end : first.size())));
    for (size_t at = first_end; at < name.size();) {
      const bool item = name[at] == '[';
      const size_t end = item ? name.find(']', at) : std::min(name.find_first_of(".[", at + 1), name.size());
      if (end == name.npos || end == at + 1) return fail("the format has an empty attribute.");
      const std::string part(name.substr(at + 1, end - at - 1));
      if (item) {
        const bool digits = part.find_first_not_of("0123456789") == part.npos;
        const auto number = digits ? parse_integer(part, 10) : std::nullopt;
        LK_ASSIGN(value, evaluator_.item(value, number ? *number : Value::text(part)));
      } else {
        LK_ASSIGN(value, evaluator_.attribute(value, part));
      }
      at = end + (item ? 1 : 0);
      if (item && at < name.size() && name[at] != '.' && name[at] != '[')
        return fail("the format has something after ']'.");
    }
    return value;
  }

  // An empty name is the next number. Numbers that are given and numbers that are counted do not mix.
  Result<std::string> numbered(std::string_view name) {
    const bool digits = !name.empty() && name.find_first_not_of("0123456789") == name.npos;
    if (!name.empty() && !digits) return std::string();
    if (digits ? next_ > 0 : manual_) return fail("the format mixes numbered fields and fields without a number.");
    manual_ |= digits;
    return digits ? std::string(name) : std::to_string(next_++);
  }

  Result<Value> argument(std::string_view name) {
    if (name.empty() || name.find_first_not_of("0123456789") != name.npos) {
      for (const auto& [key, value] : arguments_.keywords)
        if (key == name) return value;
      return fail("the format needs '", name, "', which is not there.");
    }
    const auto number = parse_integer(name, 10);
    const size_t count = arguments_.positional.size();
    const size_t index = number && number->is(Kind::integer) ? size_t(number->integer()) : count;
    if (index >= count) return fail("the format needs more arguments.");
    return arguments_.positional[index];
  }

  Result<std::string> formatted(const Value& value, const std::string& text) {
    if (text.empty()) return evaluator_.str(value);
    LK_ASSIGN(const FormatSpec spec, parse_format_spec(text));
    LK_TRY(evaluator_.reserve(size_t(spec.width), 4));
    if (number(value)) return formatted_number(value, spec);
    if (!value.text()) return fail("a format specification does not fit a ", type_name(value), ".");
    if ((spec.type && spec.type != 's') || spec.align == '=' || spec.sign != '-' || spec.grouping || spec.alternate)
      return fail("the format '", text, "' does not fit a str.");
    std::string body = value.bytes();
    LK_TRY(evaluator_.reserve(body.size()));
    if (spec.precision >= 0 && spec.precision < value.get<Kind::text>()->length())
      body = unicode::bytes(unicode::points(body).substr(0, size_t(spec.precision)));
    return padded(body, spec, '<');
  }

  Evaluator& evaluator_;
  const Arguments& arguments_;
  bool manual_ = false;
  size_t next_ = 0;
};

}  // namespace

Result<Value> brace_format(Evaluator& evaluator, const Value& format, Arguments& arguments) {
  LK_TRY(evaluator.charge(weight(format)));
  LK_ASSIGN(std::string out, BraceFormat(evaluator, arguments).run(format.bytes(), 1));
  return evaluator.text(std::move(out));
}

}  // namespace lorikeet::jinja
