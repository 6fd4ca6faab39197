// In which language an answer is, told by the words of the names.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "frontend/names/name_set.h"

namespace lorikeet::names {

class AnswerLanguage {
 public:
  explicit AnswerLanguage(const NameSet& names);

  // Whether no other language has more of the answer's words in its names than this one (its number) has, and this one
  // has any. A word is what stands between spaces and marks; in Chinese each character.
  bool is(std::string_view answer, size_t language) const;

 private:
  std::unordered_map<std::string, std::vector<bool>> words_;  // by language
  size_t languages_;
};

// Lower-case words of a text, see above.
std::vector<std::string> words_of(std::string_view text);

}  // namespace lorikeet::names
