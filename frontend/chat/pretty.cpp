// Python's pprint.pformat with its defaults.
#include <algorithm>

#include "frontend/chat/builtins.h"
#include "frontend/chat/operators.h"
#include "frontend/chat/print.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

constexpr int64_t kWidth = 80;

// Keys in order; keys without an order by the name of their type.
Value sorted(const Value& value) {
  if (value.is(Kind::dict)) {
    auto entries = value.dict().items();
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      const auto order = less(a.first, b.first);
      return order ? *order : type_name(a.first) < type_name(b.first);
    });
    Dict out;
    for (auto& [key, entry] : entries) out.set(key, sorted(entry));
    return Value::dict(std::move(out));
  }
  if (!value.is(Kind::list) && !value.is(Kind::tuple)) return value;
  std::vector<Value> items;
  for (const Value& item : value.items()) items.push_back(sorted(item));
  return value.is(Kind::list) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

class Pretty {
 public:
  Pretty(std::string& out, size_t limit) : out_(out), limit_(limit) {}

  bool write(const Value& value, int64_t indent, int64_t allowance, int level) {
    std::string plain;
    if (!append_repr(plain, value, limit_)) return false;
    if (int64_t(unicode::length(plain)) > kWidth - indent - allowance) {
      if (value.is(Kind::dict)) return dict(value.dict(), indent, allowance + 1, level + 1);
      if (value.is(Kind::list)) return items(value, "[", "]", indent, allowance + 1, level + 1);
      if (value.is(Kind::tuple))
        return items(value, "(", value.items().size() == 1 ? ",)" : ")", indent,
                     allowance + (value.items().size() == 1 ? 2 : 1), level + 1);
      if (value.text() && !value.markup()) return text(value.bytes(), plain, indent, allowance, level + 1);
    }
    return add(plain);
  }

 private:
  bool add(std::string_view text) {
    if (text.size() > limit_ || out_.size() > limit_ - text.size()) return false;
    out_ += text;
    return true;
  }

  bool line(int64_t indent) {
    std::string text(size_t(indent) + 1, ' ');
    text[0] = '\n';
    return add(text);
  }

  bool dict(const Dict& dict, int64_t indent, int64_t allowance, int level) {
    if (!add("{")) return false;
    for (size_t i = 0; i < dict.size(); ++i) {
      const auto& [key, value] = dict.items()[i];
      const bool last = i + 1 == dict.size();
      std::string name;
      if (!append_repr(name, key, limit_) || (i && !line(indent + 1)) || !add(name + ": ")) return false;
      const int64_t offset = indent + 1 + int64_t(unicode::length(name)) + 2;
      if (!write(value, offset, last ? allowance : 1, level) || (!last && !add(","))) return false;
    }
    return add("}");
  }

  bool items(const Value& value, std::string_view open, std::string_view close, int64_t indent, int64_t allowance,
             int level) {
    if (!add(open)) return false;
    for (size_t i = 0; i < value.items().size(); ++i) {
      const bool last = i + 1 == value.items().size();
      if (i && !line(indent + 1)) return false;
      if (!write(value.items()[i], indent + 1, last ? allowance : 1, level) || (!last && !add(","))) return false;
    }
    return add(close);
  }

  // Words with the white space after them.
  static std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> out;
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      bool space = false;
      while (at < text.size()) {
        size_t next = at;
        const bool is_space = unicode::is_space(unicode::decode(text, next));
        if (space && !is_space) break;
        space = is_space;
        at = next;
      }
      out.push_back(text.substr(start, at - start));
    }
    return out;
  }

  bool text(const std::string& bytes, const std::string& plain, int64_t indent, int64_t allowance, int level) {
    if (level == 1) ++indent, ++allowance;
    std::vector<std::string> chunks;
    const auto lines = split_lines(bytes, true);
    const auto size = [](const std::string& repr) { return int64_t(unicode::length(repr)); };
    for (size_t i = 0; i < lines.size(); ++i) {
      const bool last_line = i + 1 == lines.size();
      const int64_t width = kWidth - indent;
      std::string whole = quoted(lines[i]);
      if (size(whole) <= width - (last_line ? allowance : 0)) {
        chunks.push_back(std::move(whole));
        continue;
      }
      std::string current;
      const auto parts = words(lines[i]);
      for (size_t j = 0; j < parts.size(); ++j) {
        const bool last = last_line && j + 1 == parts.size();
        const std::string candidate = current + std::string(parts[j]);
        if (size(quoted(candidate)) <= width - (last ? allowance : 0)) {
          current = candidate;
          continue;
        }
        if (!current.empty()) chunks.push_back(quoted(current));
        current = parts[j];
      }
      if (!current.empty()) chunks.push_back(quoted(current));
    }
    if (chunks.size() == 1) return add(plain);
    if (level == 1 && !add("(")) return false;
    for (size_t i = 0; i < chunks.size(); ++i)
      if ((i && !line(indent)) || !add(chunks[i])) return false;
    return level != 1 || add(")");
  }

  std::string& out_;
  size_t limit_;
};

}  // namespace

bool append_pretty(std::string& out, const Value& value, size_t limit) {
  return Pretty(out, limit).write(sorted(value), 0, 0, 0);
}

}  // namespace lorikeet::jinja
