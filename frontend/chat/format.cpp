// text % arguments, as Python formats it.
#include <algorithm>
#include <cmath>

#include "frontend/chat/builtins.h"
#include "frontend/chat/format_number.h"
#include "frontend/chat/print.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

constexpr int64_t kMaxPrecision = 1000;

struct Conversion {
  bool minus = false, plus = false, space = false, zero = false, alternate = false;
  int64_t width = 0, precision = -1;
  char type = 0;
};

class PercentFormat {
 public:
  PercentFormat(Evaluator& evaluator, const Value& format, const Value& arguments)
      : evaluator_(evaluator), format_(format.bytes()), markup_(format.markup()), arguments_(arguments) {}

  Result<std::string> run() {
    while (at_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      out_ += format_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ < format_.size()) LK_TRY(conversion());
    }
    const bool spare = arguments_.is(Kind::tuple)
                           ? next_ < arguments_.items().size()
                           : next_ == 0 && !arguments_.is(Kind::dict) && !arguments_.is(Kind::list);
    if (spare) return fail("not all arguments are used by the format.");
    return std::move(out_);
  }

 private:
  char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  Result<Value> next() {
    if (arguments_.is(Kind::tuple)) {
      if (next_ >= arguments_.items().size()) return fail("the format needs more arguments.");
      return arguments_.items()[next_++];
    }
    if (next_++) return fail("the format needs more arguments.");
    return arguments_;
  }

  Result<int64_t> size() {
    int64_t out = 0;
    if (peek() == '*') {
      ++at_;
      LK_ASSIGN(const Value value, next());
      if (!whole(value)) return fail("'*' in a format needs an integer.");
      LK_ASSIGN(out, to_integer("'*'", value));
    }
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      out = out * 10 + (format_[at_] - '0');
      if (out > int64_t(1) << 30) break;
    }
    if (std::abs(out) > int64_t(1) << 30) return fail("a format has a width or precision that is too large.");
    return out;
  }

  Result<Value> named() {
    size_t depth = 1, end = at_ + 1;
    for (; end < format_.size(); ++end) {
      if (format_[end] == '(') ++depth;
      if (format_[end] == ')' && --depth == 0) break;
    }
    if (end >= format_.size()) return fail("a format has a name without an end.");
    if (!arguments_.is(Kind::dict)) return fail("the format needs a mapping.");
    const std::string name = format_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    const Value* found = arguments_.dict().find(std::string_view(name));
    if (!found) return fail("the format needs '", name, "', which is not there.");
    return *found;
  }

  Status conversion() {
    ++at_;
    Conversion c;
    Value value;
    if (peek() == '(') {
      LK_ASSIGN(value, named());
      next_ = 1;
    }
    for (;; ++at_) {
      if (peek() == '-') c.minus = true;
      else if (peek() == '+') c.plus = true;
      else if (peek() == ' ') c.space = true;
      else if (peek() == '0') c.zero = true;
      else if (peek() == '#') c.alternate = true;
      else break;
    }
    LK_ASSIGN(c.width, size());
    if (c.width < 0) c.width = -c.width, c.minus = true;
    if (peek() == '.') {
      ++at_;
      LK_ASSIGN(c.precision, size());
      c.precision = std::max<int64_t>(c.precision, 0);
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') ++at_;
    if (at_ >= format_.size()) return fail("the format ends in the middle of a conversion.");
    c.type = format_[at_++];
    if (c.type == '%') return out_ += '%', Done{};
    if (value.missing()) {
      LK_ASSIGN(value, next());
    }
    LK_TRY(evaluator_.reserve(size_t(c.width)));
    return converted(c, value);
  }

  Status converted(const Conversion& c, const Value& value) {
    switch (c.type) {
      case 's':
      case 'r':
      case 'a':
        return text(c, value);
      case 'c':
        return character(c, value);
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        return whole_number(c, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return real(c, value);
      default:
        return fail("the format has an unknown conversion '", c.type, "'.");
    }
  }

  void pad(const Conversion& c, std::string_view sign, std::string_view body, bool zeros) {
    const int64_t length = int64_t(unicode::length(body) + sign.size());
    const size_t room = size_t(std::max<int64_t>(c.width - length, 0));
    if (!c.minus && !zeros) out_.append(room, ' ');
    out_ += sign;
    if (!c.minus && zeros) out_.append(room, '0');
    out_ += body;
    if (c.minus) out_.append(room, ' ');
  }

  Status text(const Conversion& c, const Value& value) {
    std::string body;
    if (c.type == 's') {
      LK_ASSIGN(body, evaluator_.str(value));
      if (markup_ && !value.markup()) body = escaped(body);
    } else {
      LK_TRY(evaluator_.charge(weight(value)));
      if (!append_repr(body, value, evaluator_.limits().text)) return fail("a format makes a text that is too large.");
      if (markup_) body = escaped(body);
      if (c.type == 'a') body = ascii_only(body);
    }
    LK_TRY(evaluator_.reserve(body.size()));
    if (c.precision >= 0 && c.precision < int64_t(unicode::length(body)))
      body = unicode::bytes(unicode::points(body).substr(0, size_t(c.precision)));
    pad(c, "", body, false);
    return Done{};
  }

  static std::string ascii_only(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      if (unicode::decode(text, at) < 0x80) {
        out += text[start];
      } else {
        const std::string one = quoted(text.substr(start, at - start), true);
        out += one.substr(1, one.size() - 2);
      }
    }
    return out;
  }

  Status character(const Conversion& c, const Value& value) {
    std::string body;
    if (value.text() && value.get<Kind::text>()->length() == 1) {
      body = value.bytes();
    } else if (whole(value)) {
      LK_ASSIGN(const int64_t point, to_integer("%c", value));
      if (point < 0 || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return fail("%c needs a character.");
      unicode::append(body, char32_t(point));
    } else {
      return fail("%c needs a character.");
    }
    pad(c, "", body, false);
    return Done{};
  }

  static std::string_view sign(const Conversion& c, bool negative) {
    return negative ? "-" : c.plus ? "+" : c.space ? " " : "";
  }

  Status whole_number(const Conversion& c, const Value& value) {
    if (value.undefined()) return fail(value.get<Kind::undefined>()->message);
    if (!number(value) || (value.is(Kind::real) && (c.type == 'o' || (c.type | 32) == 'x')))
      return fail("'%", c.type, "' needs a number, found ", type_name(value), ".");
    std::optional<BigInt> whole_value = value.is(Kind::real) ? BigInt::truncated(value.real()) : big(value);
    if (!whole_value) return fail("'%", c.type, "' needs a finite number.");
    const bool negative = whole_value->negative();
    const int base = c.type == 'o' ? 8 : (c.type | 32) == 'x' ? 16 : 10;
    std::string body = (negative ? negated(*whole_value) : *whole_value).text(base);
    if (c.precision > kMaxPrecision) return fail("a format asks for more than ", kMaxPrecision, " digits.");
    if (int64_t(body.size()) < c.precision) body.insert(0, size_t(c.precision) - body.size(), '0');
    if (c.type == 'X') body = unicode::upper(body);
    std::string start(sign(c, negative));
    if (c.alternate && base != 10) start += std::string("0") + c.type;
    pad(c, start, body, c.zero);
    return Done{};
  }

  Status real(const Conversion& c, const Value& value) {
    if (value.undefined()) return fail(value.get<Kind::undefined>()->message);
    if (!number(value)) return fail("'%", c.type, "' needs a number, found ", type_name(value), ".");
    if (c.precision > kMaxPrecision) return fail("a format asks for more than ", kMaxPrecision, " digits.");
    const double given = as_real(value);
    const bool negative = std::signbit(given) && !std::isnan(given);
    std::string body = real_digits(std::abs(given), c.type, c.precision < 0 ? 6 : int(c.precision));
    const size_t digits = std::min(body.find_first_not_of("0123456789"), body.size());
    if (c.alternate && std::isfinite(given) && body.substr(digits, 1) != ".") body.insert(digits, 1, '.');
    pad(c, sign(c, negative), body, c.zero && std::isfinite(given));
    return Done{};
  }

  Evaluator& evaluator_;
  const std::string& format_;
  const bool markup_;
  const Value& arguments_;
  size_t at_ = 0;
  size_t next_ = 0;
  std::string out_;
};

}  // namespace

Result<Value> percent_format(Evaluator& evaluator, const Value& format, const Value& arguments) {
  LK_TRY(evaluator.charge(weight(format)));
  LK_ASSIGN(std::string out, PercentFormat(evaluator, format, arguments).run());
  return evaluator.text(std::move(out), format.markup());
}

}  // namespace lorikeet::jinja
