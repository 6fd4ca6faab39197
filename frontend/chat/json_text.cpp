// JSON as Python's json.dumps writes it.
#include <algorithm>
#include <cmath>

#include "frontend/chat/operators.h"
#include "frontend/chat/print.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

void append_unit(std::string& out, unsigned unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += "0123456789abcdef"[(unit >> shift) & 15];
}

void append_string(std::string& out, std::string_view text, bool ascii) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    const char32_t point = unicode::decode(text, at);
    switch (point) {
      case '"':
        out += "\\\"";
        continue;
      case '\\':
        out += "\\\\";
        continue;
      case '\n':
        out += "\\n";
        continue;
      case '\r':
        out += "\\r";
        continue;
      case '\t':
        out += "\\t";
        continue;
      case '\f':
        out += "\\f";
        continue;
      case '\b':
        out += "\\b";
        continue;
      default:
        break;
    }
    if (point >= 0x10000 && ascii) {
      append_unit(out, 0xd7c0 + unsigned(point >> 10));
      append_unit(out, 0xdc00 + unsigned(point & 0x3ff));
    } else if (point < 0x20 || (ascii && point > 0x7e)) {
      if (point == 0x7f) out += char(0x7f);
      else append_unit(out, unsigned(point));
    } else {
      unicode::append(out, point);
    }
  }
  out += '"';
}

std::string number_text(const Value& value) {
  if (value.is(Kind::real)) {
    if (std::isnan(value.real())) return "NaN";
    if (std::isinf(value.real())) return value.real() < 0 ? "-Infinity" : "Infinity";
    return real_text(value.real());
  }
  if (value.is(Kind::boolean)) return value.boolean() ? "true" : "false";
  return big(value).text();
}

class JsonWriter {
 public:
  JsonWriter(std::string& out, const JsonStyle& style, size_t limit) : out_(out), style_(style), limit_(limit) {}

  Status write(const Value& value, int level) {
    if (out_.size() > limit_) return fail("tojson makes a text of more than ", limit_, " bytes.");
    switch (value.kind()) {
      case Kind::none:
        out_ += "null";
        return Done{};
      case Kind::text:
        append_string(out_, value.bytes(), style_.ascii);
        return Done{};
      case Kind::boolean:
      case Kind::integer:
      case Kind::big:
      case Kind::real:
        out_ += number_text(value);
        return Done{};
      case Kind::list:
      case Kind::tuple:
        return list(value.items(), level);
      case Kind::dict:
        return dict(value.dict(), level);
      default:
        return fail("tojson cannot write a value of type ", type_name(value), ".");
    }
  }

 private:
  void line(int level) {
    if (!style_.indented) return;
    out_ += '\n';
    for (int i = 0; i < level; ++i) out_ += style_.indent;
  }

  Status list(const std::vector<Value>& items, int level) {
    if (items.empty()) return out_ += "[]", Done{};
    out_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i) out_ += style_.item_separator;
      line(level + 1);
      LK_TRY(write(items[i], level + 1));
    }
    line(level);
    out_ += ']';
    return Done{};
  }

  Status key(const Value& key) {
    if (key.text()) append_string(out_, key.bytes(), style_.ascii);
    else if (number(key)) out_ += '"' + number_text(key) + '"';
    else if (key.is(Kind::none)) out_ += "\"null\"";
    else return fail("tojson cannot use a key of type ", type_name(key), ".");
    return Done{};
  }

  Status dict(const Dict& dict, int level) {
    if (dict.size() == 0) return out_ += "{}", Done{};
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.items()) entries.push_back(&entry);
    if (style_.sort_keys) {
      LK_TRY(sort_stably(entries, [](const auto* a, const auto* b) { return less(a->first, b->first); }));
    }
    out_ += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i) out_ += style_.item_separator;
      line(level + 1);
      LK_TRY(key(entries[i]->first));
      out_ += style_.key_separator;
      LK_TRY(write(entries[i]->second, level + 1));
    }
    line(level);
    out_ += '}';
    return Done{};
  }

  std::string& out_;
  const JsonStyle& style_;
  size_t limit_;
};

}  // namespace

Status append_json(std::string& out, const Value& value, const JsonStyle& style, size_t limit) {
  LK_TRY(JsonWriter(out, style, limit).write(value, 0));
  if (out.size() > limit) return fail("tojson makes a text of more than ", limit, " bytes.");
  return Done{};
}

}  // namespace lorikeet::jinja
