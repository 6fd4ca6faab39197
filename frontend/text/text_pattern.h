// What normalisers and pre-tokenizers look for: a literal string or a regular expression.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/text/regex.h"
#include "runtime/base/result.h"

namespace lorikeet {

class TextPattern {
 public:
  static Result<TextPattern> literal(std::string text);  // not empty
  static Result<TextPattern> regex(std::string_view pattern);

  // Finds in one text after another with the same working memory.
  class Finder {
   public:
    explicit Finder(const TextPattern& pattern);
    Status find_all(std::string_view text, std::vector<TextRange>& matches);

   private:
    const TextPattern* pattern_;
    std::optional<Regex::Scanner> scanner_;
  };

 private:
  std::string literal_;
  std::optional<Regex> regex_;
};

}  // namespace lorikeet
