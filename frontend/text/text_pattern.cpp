#include "frontend/text/text_pattern.h"

namespace lorikeet {

Result<TextPattern> TextPattern::literal(std::string text) {
  if (text.empty()) return corrupt("[tokenizer] a pattern is an empty string.");
  TextPattern pattern;
  pattern.literal_ = std::move(text);
  return pattern;
}

Result<TextPattern> TextPattern::regex(std::string_view text) {
  LK_ASSIGN(Regex compiled, Regex::compile(text));
  TextPattern pattern;
  pattern.regex_ = std::move(compiled);
  return pattern;
}

TextPattern::Finder::Finder(const TextPattern& pattern) : pattern_(&pattern) {
  if (pattern.regex_) scanner_.emplace(*pattern.regex_);
}

Status TextPattern::Finder::find_all(std::string_view text, std::vector<TextRange>& matches) {
  if (scanner_) return scanner_->find_all(text, matches);
  matches.clear();
  const std::string& literal = pattern_->literal_;
  for (size_t at = text.find(literal); at != std::string_view::npos; at = text.find(literal, at + literal.size()))
    matches.push_back({at, at + literal.size()});
  return Done{};
}

}  // namespace lorikeet
