// Oniguruma's syntax in PCRE2's words.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "frontend/text/regex.h"
#include "frontend/text/utf8.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// The members of \s and \w in Oniguruma's Unicode mode, as the inside of a PCRE2 class.
constexpr std::string_view kSpace = R"(\t-\r\x{85}\p{Z})";
constexpr std::string_view kWord =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";
constexpr std::string_view kWordOutsideClass = R"(\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";  // an oddity of Oniguruma
constexpr std::string_view kHex = "0-9A-Fa-f";

struct LongName {
  std::string_view name;
  std::string_view category;
};
constexpr LongName kLongNames[] = {
    {"letter", "L"},
    {"mark", "M"},
    {"number", "N"},
    {"punctuation", "P"},
    {"symbol", "S"},
    {"separator", "Z"},
    {"other", "C"},
    {"uppercaseletter", "Lu"},
    {"lowercaseletter", "Ll"},
    {"titlecaseletter", "Lt"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"nonspacingmark", "Mn"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"decimalnumber", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"any", "Any"},
};
// Names that both know, with different members.
constexpr std::string_view kRefusedNames[] = {"alnum", "alpha", "blank", "cntrl", "graph", "lower",  "print",
                                              "punct", "upper", "word",  "space", "digit", "xdigit", "ascii"};

std::string simple_name(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (c != '_' && c != ' ' && c != '-') out.push_back(char(std::tolower(static_cast<unsigned char>(c))));
  return out;
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  Result<std::string> run() {
    while (at_ < in_.size()) LK_TRY(step());
    return std::move(out_);
  }

 private:
  bool next_is(std::string_view text) const { return in_.substr(std::min(at_, in_.size()), text.size()) == text; }
  Error refuse(std::string_view what) const {
    return unsupported(join("[regex] ", what, " at byte ", at_, " of a pattern is not supported."));
  }

  Status step() {
    const char c = in_[at_];
    switch (c) {
      case '\\':
        begin_atom();
        return escape(false);
      case '[':
        begin_atom();
        return character_class();
      case '(':
        return open_group();
      case ')': {
        if (groups_.empty()) return refuse("an unmatched closing parenthesis");
        atom_ = groups_.back().begin;
        groups_.pop_back();
        out_.push_back(in_[at_++]);
        return Done{};
      }
      case '{':
        return braces();
      case '*':
      case '+':
      case '?':
        out_.push_back(in_[at_++]);
        return Done{};
      case ']':
        begin_atom();
        out_ += "\\]";
        ++at_;
        return Done{};
      default:
        begin_atom();
        copy_character();
        return Done{};
    }
  }

  void begin_atom() { atom_ = out_.size(); }
  void copy_character() {
    const size_t length = std::min(utf8_length(in_[at_]), in_.size() - at_);
    out_ += in_.substr(at_, length);
    at_ += length;
  }

  // {n}, {n,}, {,n}, {n,m}, each maybe followed by a + that repeats the whole; anything else is a literal brace.
  Status braces() {
    size_t end = at_ + 1;
    while (end < in_.size() && (std::isdigit(static_cast<unsigned char>(in_[end])) || in_[end] == ',')) ++end;
    const std::string_view inside = in_.substr(at_ + 1, end - at_ - 1);
    const bool quantifier = end < in_.size() && in_[end] == '}' && !inside.empty() && inside != "," &&
                            std::count(inside.begin(), inside.end(), ',') <= 1;
    if (!quantifier) {
      begin_atom();
      out_ += "\\{";
      ++at_;
      return Done{};
    }
    out_ += join("{", inside[0] == ',' ? "0" : "", inside, "}");
    at_ = end + 1;
    if (at_ < in_.size() && in_[at_] == '+') {
      out_.insert(atom_, "(?:");
      out_ += ")+";
      ++at_;
    }
    return Done{};
  }

  Status open_group() {
    const bool first_in_group = out_.size() == (groups_.empty() ? 0 : groups_.back().content);
    begin_atom();
    if (in_.substr(at_, 2) == "(*") return refuse("a verb");
    if (in_.substr(at_, 2) != "(?") return push_group(1);
    const std::string_view rest = in_.substr(at_ + 2);
    if (rest.starts_with("#")) {
      const size_t end = in_.find(')', at_);
      if (end == std::string_view::npos) return refuse("an unfinished comment");
      at_ = end + 1;
      return Done{};
    }
    for (const std::string_view opening : {":", "=", "!", ">", "<=", "<!"})
      if (rest.starts_with(opening)) return push_group(2 + opening.size());
    if (rest.starts_with("<")) return push_group(3);
    return options(rest, first_in_group);
  }

  Status push_group(size_t length) {
    const size_t begin = out_.size();
    out_ += in_.substr(at_, length);
    at_ += length;
    groups_.push_back({begin, out_.size()});
    return Done{};
  }

  // (?imx-imx:...) or (?imx-imx); Oniguruma's m lets the dot match line ends, which is s in PCRE2.
  Status options(std::string_view rest, bool first_in_group) {
    size_t length = 0;
    std::string letters;
    for (; length < rest.size() && std::string_view("imx-").find(rest[length]) != std::string_view::npos; ++length)
      letters.push_back(rest[length] == 'm' ? 's' : rest[length]);
    if (letters.empty() || length == rest.size() || (rest[length] != ':' && rest[length] != ')'))
      return refuse("this kind of group");
    const bool scoped = rest[length] == ':';
    if (!scoped && !first_in_group) return refuse("an option in the middle of a group");
    const size_t begin = out_.size();
    out_ += join("(?", letters, scoped ? ":" : ")");
    if (scoped) groups_.push_back({begin, out_.size()});
    at_ += 2 + length + 1;
    return Done{};
  }

  Status escape(bool in_class) {
    if (at_ + 1 >= in_.size()) return refuse("a lone backslash");
    const char c = in_[at_ + 1];
    const auto put_class = [&](std::string_view members, bool negated, std::string_view outside = "") -> Status {
      at_ += 2;
      if (!in_class) out_ += join("[", negated ? "^" : "", members, outside, "]");
      else if (negated) complements_.push_back(members);
      else out_ += members;
      return Done{};
    };
    switch (c) {
      case 's':
        return put_class(kSpace, false);
      case 'S':
        return put_class(kSpace, true);
      case 'w':
        return put_class(kWord, false, kWordOutsideClass);
      case 'W':
        return put_class(kWord, true, kWordOutsideClass);
      case 'h':
        return put_class(kHex, false);
      case 'H':
        return put_class(kHex, true);
      case 'v':
        at_ += 2;
        out_ += "\\x{0B}";
        return Done{};
      case 'u':
        return hex_escape();
      case 'p':
      case 'P':
        return property();
      default:
        break;
    }
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0;
    const std::string_view known = in_class ? "dDnrtfeabx" : "dDbBAzZGRXnrtfeaxkN";
    if (letter && known.find(c) == std::string_view::npos) return refuse(join("the escape \\", c));
    if (static_cast<unsigned char>(c) >= 0x80) {
      ++at_;
      copy_character();
      return Done{};
    }
    out_ += in_.substr(at_, 2);
    at_ += 2;
    return Done{};
  }

  Status hex_escape() {
    const std::string_view digits = in_.substr(at_ + 2, 4);
    if (digits.size() != 4 ||
        !std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isxdigit(c); }))
      return refuse("an escape \\u without four digits");
    out_ += join("\\x{", digits, "}");
    at_ += 6;
    return Done{};
  }

  Status property() {
    if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{') return refuse("a property without braces");
    const size_t end = in_.find('}', at_);
    if (end == std::string_view::npos) return refuse("an unfinished property");
    std::string_view name = in_.substr(at_ + 3, end - at_ - 3);
    bool negated = in_[at_ + 1] == 'P';
    if (name.starts_with("^")) {
      negated = !negated;
      name.remove_prefix(1);
    }
    const std::string simple = simple_name(name);
    std::string written(name);
    if (std::find(std::begin(kRefusedNames), std::end(kRefusedNames), simple) != std::end(kRefusedNames))
      return refuse(join("the property ", name));
    const auto* known = std::find_if(std::begin(kLongNames), std::end(kLongNames),
                                     [&](const LongName& entry) { return entry.name == simple; });
    if (known != std::end(kLongNames)) written = known->category;
#if PCRE2_MAJOR > 10 || PCRE2_MINOR >= 40
    else if (simple.size() > 2) written = join("sc:", name);  // the script itself, not its extensions
#endif
    out_ += join(negated ? "\\P{" : "\\p{", written, "}");
    at_ = end + 1;
    return Done{};
  }

  // Classes with complements in them, as [^\S\n], become groups: PCRE2's own \S and \W have other members.
  Status character_class() {
    ++at_;
    const bool negated = next_is("^");
    if (negated) ++at_;
    std::string before = std::move(out_);
    out_.clear();
    complements_.clear();
    LK_TRY(class_members());
    const std::string members = std::move(out_);
    out_ = std::move(before);
    if (complements_.empty()) {
      out_ += join("[", negated ? "^" : "", members, "]");
      return Done{};
    }
    out_ += "(?:";
    if (!members.empty()) out_ += join(negated ? "(?![" : "[", members, negated ? "])" : "]|");
    for (size_t i = 0; i < complements_.size(); ++i) {
      const bool last = i + 1 == complements_.size();
      if (negated) out_ += join(last ? "[" : "(?=[", complements_[i], last ? "]" : "])");
      else out_ += join("[^", complements_[i], last ? "]" : "]|");
    }
    out_ += ")";
    return Done{};
  }

  // From after [ or [^ to after the ].
  Status class_members() {
    for (bool first = true;; first = false) {
      if (at_ >= in_.size()) return refuse("an unfinished character class");
      const char c = in_[at_];
      if (c == ']' && !first) break;
      if (c == ']') {
        out_ += "\\]";
        ++at_;
      } else if (c == '\\') {
        LK_TRY(escape(true));
      } else if (next_is("[:space:]")) {
        out_ += kSpace;
        at_ += 9;
      } else if (next_is("[:digit:]")) {
        out_ += "\\p{Nd}";
        at_ += 9;
      } else if (c == '[') {
        return refuse("a class in a class");
      } else if (next_is("&&")) {
        return refuse("an intersection of classes");
      } else if (c == '^' && out_.empty()) {
        out_ += "\\^";
        ++at_;
      } else {
        copy_character();
      }
    }
    ++at_;
    return Done{};
  }

  std::string_view in_;
  size_t at_ = 0;
  std::string out_;
  size_t atom_ = 0;  // where in out_ the last atom begins
  struct OpenGroup {
    size_t begin;    // where in out_ it begins,
    size_t content;  // and what is inside
  };
  std::vector<OpenGroup> groups_;
  std::vector<std::string_view> complements_;  // of the class that is being read: what its \S, \W, \H leave out
};

}  // namespace

Result<std::string> translate_regex(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace lorikeet
