#include "frontend/chat/print.h"

#include <charconv>
#include <cmath>
#include <iterator>

#include "frontend/chat/loop.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

constexpr int kMaxNesting = 250;  // only namespaces can nest deeper than values may

void append_hex(std::string& out, char32_t point, int digits) {
  for (int i = digits - 1; i >= 0; --i) out += "0123456789abcdef"[(point >> (4 * i)) & 15];
}

void append_escaped(std::string& out, char32_t point, char quote, bool ascii) {
  switch (point) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\\':
      out += "\\\\";
      return;
    default:
      break;
  }
  if (point == char32_t(quote)) {
    out += '\\';
    out += quote;
  } else if (unicode::is_printable(point) && !(ascii && point > 0x7e)) {
    unicode::append(out, point);
  } else {
    out += point < 0x100 ? "\\x" : point < 0x10000 ? "\\u" : "\\U";
    append_hex(out, point, point < 0x100 ? 2 : point < 0x10000 ? 4 : 8);
  }
}

class Representer {
 public:
  Representer(std::string& out, size_t limit) : out_(out), limit_(limit) {}

  bool str(const Value& value) {
    if (value.undefined()) return true;
    if (value.text()) return add(value.bytes());
    return repr(value);
  }

  bool repr(const Value& value) {
    if (++nesting_ > kMaxNesting) return --nesting_, add("...");
    const bool fine = append(value);
    --nesting_;
    return fine;
  }

 private:
  bool add(std::string_view text) {
    if (text.size() > limit_ || out_.size() > limit_ - text.size()) return false;
    out_ += text;
    return true;
  }

  template <class Items>
  bool joined(const Items& items) {
    bool first = true;
    for (const Value& item : items) {
      if (!first && !add(", ")) return false;
      first = false;
      if (!repr(item)) return false;
    }
    return true;
  }

  bool dict(const Dict& dict) {
    if (!add("{")) return false;
    bool first = true;
    for (const auto& [key, value] : dict.items()) {
      if (!first && !add(", ")) return false;
      first = false;
      if (!repr(key) || !add(": ") || !repr(value)) return false;
    }
    return add("}");
  }

  bool view(const View& view) {
    std::vector<Value> items;
    for (size_t i = 0; i < view.dict->size(); ++i) items.push_back(view.at(i));
    return joined(items) && add("])");
  }

  bool text(const Value& value) {
    if (!value.markup()) return add(quoted(value.bytes()));
    return add("Markup(") && add(quoted(value.bytes())) && add(")");
  }

  bool range(const Range& range) {
    return add(join("range(", range.start, ", ", range.stop, range.step == 1 ? "" : join(", ", range.step), ")"));
  }

  bool loop(const Loop& loop) {  // its size is known by now
    return add(join("<LoopContext ", loop.index0 + 1, "/", loop.length.value_or(loop.index0 + 1), ">"));
  }

  bool append(const Value& value) {
    switch (value.kind()) {
      case Kind::missing:
        return true;
      case Kind::undefined:
        return add("Undefined");
      case Kind::none:
        return add("None");
      case Kind::boolean:
        return add(value.boolean() ? "True" : "False");
      case Kind::integer:
        return add(std::to_string(value.integer()));
      case Kind::big:
        return add(value.get<Kind::big>()->text());
      case Kind::real:
        return add(real_text(value.real()));
      case Kind::text:
        return text(value);
      case Kind::list:
        return add("[") && joined(value.items()) && add("]");
      case Kind::tuple:
        return add("(") && joined(value.items()) && add(value.items().size() == 1 ? ",)" : ")");
      case Kind::dict:
        return dict(value.dict());
      case Kind::range:
        return range(*value.get<Kind::range>());
      case Kind::view:
        return add(type_name(value)) && add("([") && view(*value.get<Kind::view>());
      case Kind::space:
        return add("<Namespace ") && dict(value.get<Kind::space>()->attributes) && add(">");
      case Kind::macro:
        return add("<Macro ") && add(macro_title(*value.get<Kind::macro>())) && add(">");
      case Kind::loop:
        return loop(*value.get<Kind::loop>());
      case Kind::function:
        return add("<function ") && add(value.get<Kind::function>()->name) && add(">");
      default:
        return add("<") && add(type_name(value)) && add(" object>");
    }
  }

  std::string& out_;
  size_t limit_;
  int nesting_ = 0;
};

}  // namespace

bool append_str(std::string& out, const Value& value, size_t limit) { return Representer(out, limit).str(value); }
bool append_repr(std::string& out, const Value& value, size_t limit) { return Representer(out, limit).repr(value); }

std::string quoted(std::string_view text, bool ascii) {
  const bool single = text.find('\'') != std::string_view::npos;
  const char quote = single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) append_escaped(out, unicode::decode(text, at), quote, ascii);
  return out += quote;
}

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, std::end(buffer), value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, size_t(end - buffer));
  std::string out;
  if (text.front() == '-') out = "-", text.remove_prefix(1);
  const size_t e = text.find('e');
  int exponent = 0;
  const char* sign = text.data() + e + 1;
  std::from_chars(sign + (*sign == '+'), text.data() + text.size(), exponent);
  std::string digits(1, text[0]);
  if (e > 1) digits += text.substr(2, e - 2);
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (digits.size() > 1) out += "." + digits.substr(1);
    out += exponent < 0 ? "e-" : "e+";
    if (std::abs(exponent) < 10) out += '0';
    return out += std::to_string(std::abs(exponent));
  }
  if (exponent < 0) return out += "0." + std::string(size_t(-exponent - 1), '0') + digits;
  const size_t whole = size_t(exponent) + 1;
  if (digits.size() <= whole) return out += digits + std::string(whole - digits.size(), '0') + ".0";
  return out += digits.substr(0, whole) + "." + digits.substr(whole);
}

}  // namespace lorikeet::jinja
