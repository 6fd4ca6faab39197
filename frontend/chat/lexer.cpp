#include "frontend/chat/lexer.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

struct Symbol {
  std::string_view text;
  TokenKind kind;
};
constexpr Symbol kSymbols[] = {
    // longer ones first
    {"//", TokenKind::floordiv}, {"**", TokenKind::pow},      {"==", TokenKind::eq},    {"!=", TokenKind::ne},
    {">=", TokenKind::gteq},     {"<=", TokenKind::lteq},     {"+", TokenKind::add},    {"-", TokenKind::sub},
    {"/", TokenKind::div},       {"*", TokenKind::mul},       {"%", TokenKind::mod},    {"~", TokenKind::tilde},
    {"[", TokenKind::lbracket},  {"]", TokenKind::rbracket},  {"(", TokenKind::lparen}, {")", TokenKind::rparen},
    {"{", TokenKind::lbrace},    {"}", TokenKind::rbrace},    {">", TokenKind::gt},     {"<", TokenKind::lt},
    {"=", TokenKind::assign},    {".", TokenKind::dot},       {":", TokenKind::colon},  {"|", TokenKind::pipe},
    {",", TokenKind::comma},     {";", TokenKind::semicolon},
};

bool digit(char c) { return c >= '0' && c <= '9'; }
bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// \r\n and \r become \n; one final newline goes.
std::string normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') out += source[i];
    else if (i + 1 == source.size() || source[i + 1] != '\n') out += '\n';
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

// The value of a string literal's inside: Python's escapes.
class Unescaper {
 public:
  explicit Unescaper(std::string_view text) : text_(text) {}

  Result<std::string> run() {
    while (at_ < text_.size()) {
      if (text_[at_] != '\\') out_ += text_[at_++];
      else LK_TRY(escape());
    }
    return std::move(out_);
  }

 private:
  Status escape() {
    if (++at_ == text_.size()) return fail("a string ends in the middle of an escape.");
    const char c = text_[at_++];
    constexpr std::string_view kNames = "\\'\"abfnrtv", kValues = "\\'\"\a\b\f\n\r\t\v";
    if (const size_t known = kNames.find(c); known != kNames.npos) return out_ += kValues[known], Done{};
    if (c == '\n') return Done{};
    if (c == 'x') return digits(2);
    if (c == 'u') return digits(4);
    if (c == 'U') return digits(8);
    if (c == 'N') return fail("characters by name (\\N) are not supported in strings.");
    if (c >= '0' && c <= '7') return octal();
    out_ += '\\';
    out_ += c;
    return Done{};
  }

  Status digits(size_t count) {
    char32_t point = 0;
    for (size_t i = 0; i < count; ++i, ++at_) {
      if (at_ >= text_.size() || !hex(text_[at_]))
        return fail("a string has an escape with too few hexadecimal digits.");
      point = (point << 4) | char32_t(digit(text_[at_]) ? text_[at_] - '0' : (text_[at_] | 32) - 'a' + 10);
    }
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
      return fail("a string has an escape that is not a character.");
    unicode::append(out_, point);
    return Done{};
  }

  Status octal() {
    char32_t point = 0;
    --at_;
    for (int i = 0; i < 3 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7'; ++i)
      point = point * 8 + char32_t(text_[at_++] - '0');
    unicode::append(out_, point);
    return Done{};
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string out_;
};

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) {
      if (auto status = data(); !status) return at_line(line_, status.error().message);
    }
    push(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(source_).substr(at_); }
  bool starts(std::string_view text) const { return rest().starts_with(text); }
  void push(TokenKind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text), {}}); }

  // Moves on and counts lines. A tag that begins right after a newline begins its line.
  void advance(size_t count) {
    const auto begin = source_.begin() + ptrdiff_t(at_);
    line_ += int(std::count(begin, begin + ptrdiff_t(count), '\n'));
    at_ += count;
    if (count) line_starting_ = source_[at_ - 1] == '\n';
  }

  void skip_space() {
    const std::string_view after = rest();
    advance(after.size() - unicode::strip_left(after).size());
  }

  // Text up to the next tag, and the tag.
  Status data() {
    size_t tag = at_;
    while ((tag = source_.find('{', tag)) != std::string::npos) {
      if (tag + 1 < source_.size() && std::string_view("%{#").find(source_[tag + 1]) != std::string_view::npos) break;
      ++tag;
    }
    if (tag == std::string::npos) {
      push(TokenKind::data, source_.substr(at_));
      advance(source_.size() - at_);
      return Done{};
    }
    const char type = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : ' ';
    const std::string_view text = stripped(std::string_view(source_).substr(at_, tag - at_), sign, type == '{');
    if (!text.empty()) push(TokenKind::data, std::string(text));
    advance(tag - at_);
    if (type == '#') return comment(sign);
    if (type == '%') {
      LK_ASSIGN(const bool raw_block, raw(sign));
      if (raw_block) return Done{};
    }
    push(type == '{' ? TokenKind::variable_begin : TokenKind::block_begin, "");
    advance(sign == '-' || sign == '+' ? 3 : 2);
    return inside(type == '{');
  }

  // What remains of the text before a tag: '-' takes all white space, otherwise a block takes the indentation before
  // it.
  std::string_view stripped(std::string_view text, char sign, bool variable) const {
    if (sign == '-') return unicode::strip_right(text);
    if (sign == '+' || variable) return text;
    const size_t newline = text.rfind('\n');
    if (newline == std::string_view::npos && !line_starting_) return text;
    const size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    return unicode::strip_left(text.substr(start)).empty() ? text.substr(0, start) : text;
  }

  // The end of a block or comment at `at_`, if there is one: what it swallows is swallowed.
  bool block_end(std::string_view mark) {
    if (starts("-") && rest().substr(1).starts_with(mark)) {
      advance(1 + mark.size());
      skip_space();
      return true;
    }
    if (starts("+") && rest().substr(1).starts_with(mark)) return advance(1 + mark.size()), true;
    if (!starts(mark)) return false;
    advance(mark.size());
    if (starts("\n")) advance(1);
    return true;
  }

  Status comment(char sign) {
    advance(sign == '-' || sign == '+' ? 3 : 2);
    const size_t end = source_.find("#}", at_);
    if (end == std::string::npos && at_ == source_.size()) return Done{};  // nothing follows
    if (end == std::string::npos) return fail("a comment has no end.");
    const bool signed_end = end > at_ && (source_[end - 1] == '-' || source_[end - 1] == '+');
    advance(end - at_ - signed_end);
    block_end("#}");
    return Done{};
  }

  // {% raw %} at `at_`: the text up to {% endraw %}. False if it is another tag.
  Result<bool> raw(char sign) {
    std::string_view tag = rest().substr(sign == '-' || sign == '+' ? 3 : 2);
    tag = unicode::strip_left(tag);
    if (!tag.starts_with("raw")) return false;
    tag = unicode::strip_left(tag.substr(3));
    const bool minus = tag.starts_with("-%}");
    if (!minus && !tag.starts_with("%}")) return false;
    advance(rest().size() - tag.size() + (minus ? 3 : 2));
    if (minus) skip_space();
    for (size_t end = at_; (end = source_.find("{%", end)) != std::string::npos; ++end) {
      const char end_sign = end + 2 < source_.size() ? source_[end + 2] : ' ';
      std::string_view after = std::string_view(source_).substr(end + 2);
      if (end_sign == '-' || end_sign == '+') after.remove_prefix(1);
      after = unicode::strip_left(after);
      if (!after.starts_with("endraw")) continue;
      after = unicode::strip_left(after.substr(6));
      if (!after.starts_with("%}") && !after.starts_with("-%}") && !after.starts_with("+%}")) continue;
      push(TokenKind::data, std::string(stripped(std::string_view(source_).substr(at_, end - at_), end_sign, false)));
      advance(source_.size() - after.size() - at_);
      return block_end("%}");
    }
    if (at_ == source_.size()) return true;  // nothing follows
    return fail("a raw block has no end.");
  }

  // The inside of a tag, to its end.
  Status inside(bool variable) {
    brackets_.clear();
    while (true) {
      if (brackets_.empty() && variable && (starts("}}") || starts("-}}"))) {
        push(TokenKind::variable_end, "");
        const bool minus = starts("-");
        advance(minus ? 3 : 2);
        if (minus) skip_space();
        return Done{};
      }
      if (brackets_.empty() && !variable) {
        const int line = line_;
        if (block_end("%}")) return tokens_.push_back({TokenKind::block_end, line, "", {}}), Done{};
      }
      skip_space();
      if (at_ >= source_.size()) return Done{};  // the parser finds the end of the template
      if (brackets_.empty() &&
          (variable ? starts("}}") || starts("-}}") : starts("%}") || starts("-%}") || starts("+%}")))
        continue;
      LK_TRY(token());
    }
  }

  Status token() {
    const char c = source_[at_];
    if (digit(c)) return number();
    if (c == '\'' || c == '"') return text();
    size_t end = at_;
    if (unicode::starts_identifier(unicode::decode(source_, end))) return name(end);
    for (const Symbol& symbol : kSymbols) {
      if (!starts(symbol.text)) continue;
      LK_TRY(bracket(c));
      push(symbol.kind, std::string(symbol.text));
      advance(symbol.text.size());
      return Done{};
    }
    return fail("the character ", source_.substr(at_, end - at_), " means nothing here.");
  }

  Status bracket(char c) {
    if (c == '(') brackets_ += ')';
    if (c == '[') brackets_ += ']';
    if (c == '{') brackets_ += '}';
    if (c != ')' && c != ']' && c != '}') return Done{};
    if (brackets_.empty()) return fail("'", c, "' closes nothing.");
    const char expected = brackets_.back();
    brackets_.pop_back();
    if (c != expected) return fail("expected '", expected, "', found '", c, "'.");
    return Done{};
  }

  Status name(size_t end) {
    while (end < source_.size()) {
      size_t next = end;
      if (!unicode::continues_identifier(unicode::decode(source_, next))) break;
      end = next;
    }
    push(TokenKind::name, source_.substr(at_, end - at_));
    advance(end - at_);
    return Done{};
  }

  Status text() {
    const char quote = source_[at_];
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return fail("a string has no end.");
    LK_ASSIGN(std::string value, Unescaper(std::string_view(source_).substr(at_ + 1, end - at_ - 1)).run());
    push(TokenKind::text, std::move(value));
    advance(end + 1 - at_);
    return Done{};
  }

  // Digits with single underscores between them, from `at` on; returns the end.
  template <class Accepts>
  size_t digits(size_t at, Accepts accepts) const {
    while (at < source_.size()) {
      if (accepts(source_[at])) ++at;
      else if (source_[at] == '_' && at + 1 < source_.size() && accepts(source_[at + 1])) at += 2;
      else break;
    }
    return at;
  }

  // The end of a float at `at_`, or npos.
  size_t real_end() const {
    if (at_ > 0 && source_[at_ - 1] == '.') return std::string::npos;
    const size_t whole = digits(at_, digit);
    size_t end = whole;
    const auto at = [&](size_t i) { return i < source_.size() ? source_[i] : ' '; };
    if (at(end) == '.' && digit(at(end + 1))) end = digits(end + 1, digit);
    if ((at(end) | 32) == 'e') {
      const size_t sign = end + 1 + (at(end + 1) == '+' || at(end + 1) == '-');
      if (digit(at(sign))) end = digits(sign, digit);
    }
    return end == whole ? std::string::npos : end;
  }

  Status number() {
    const size_t end = real_end();
    if (end != std::string::npos) return real(end);
    const char kind = at_ + 1 < source_.size() ? char(source_[at_ + 1] | 32) : ' ';
    if (source_[at_] == '0' && kind == 'x')
      if (const size_t e = digits(at_ + 2, hex); e > at_ + 2) return integer(e, 16);
    if (source_[at_] == '0' && kind == 'o')
      if (const size_t e = digits(at_ + 2, [](char c) { return c >= '0' && c <= '7'; }); e > at_ + 2)
        return integer(e, 8);
    if (source_[at_] == '0' && kind == 'b')
      if (const size_t e = digits(at_ + 2, [](char c) { return c == '0' || c == '1'; }); e > at_ + 2)
        return integer(e, 2);
    if (source_[at_] == '0') return integer(digits(at_, [](char c) { return c == '0'; }), 10);
    return integer(digits(at_, digit), 10);
  }

  std::string without_underscores(size_t end) const {
    std::string out = source_.substr(at_, end - at_);
    out.erase(std::remove(out.begin(), out.end(), '_'), out.end());
    return out;
  }

  Status integer(size_t end, int base) {
    const auto value = BigInt::parse(std::string_view(without_underscores(end)).substr(base == 10 ? 0 : 2), base);
    if (!value) return fail("an integer has too many digits.");
    push(TokenKind::integer, source_.substr(at_, end - at_));
    tokens_.back().value = Value::integer(*value);
    advance(end - at_);
    return Done{};
  }

  Status real(size_t end) {
    const std::string text = without_underscores(end);
    double value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
      return fail("the number ", text, " is not a float.");
    push(TokenKind::real, text);
    tokens_.back().value = Value::real(value);
    advance(end - at_);
    return Done{};
  }

  const std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::string brackets_;
  std::vector<Token> tokens_;
};

}  // namespace

Error at_line(int line, const std::string& message) {
  return invalid(join("[chat template] line ", line, ": ", message));
}

Result<std::vector<Token>> tokenize(std::string_view source) {
  if (!unicode::valid(source)) return invalid("[chat template] the source is not valid UTF-8.");
  return Lexer(normalized(source)).run();
}

}  // namespace lorikeet::jinja
