// Regular expressions as tokenizer files write them (Oniguruma's syntax), run by PCRE2.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

// Rewrites an Oniguruma pattern for PCRE2: what \s, \w, \h, \v, {n,m}+ and {,n} mean differs. What cannot be said in
// PCRE2 (class intersections, nested classes, absence operators, calls into code) is an Error.
Result<std::string> translate_regex(std::string_view pattern);

struct TextRange {
  size_t begin = 0;  // bytes
  size_t end = 0;
};

// One compiled pattern. Immutable: any number of threads may scan with it, each with its own Scanner.
class Regex {
 public:
  // At most 64 KiB of pattern. `^` and `$` match at line ends, `.` matches all but U+000A.
  static Result<Regex> compile(std::string_view pattern);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // Finds matches in one text after another. Keeps the working memory of the search.
  class Scanner {
   public:
    explicit Scanner(const Regex& regex);
    ~Scanner();
    Scanner(const Scanner&) = delete;
    Scanner& operator=(const Scanner&) = delete;

    // All matches from left to right, without overlap; an empty match right after another one does not count.
    // An Error if the pattern needs more steps or memory than any sane one would.
    Status find_all(std::string_view valid_utf8, std::vector<TextRange>& matches);

   private:
    Result<bool> find(std::string_view text, size_t from, TextRange& match);
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

 private:
  struct Impl;
  explicit Regex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
