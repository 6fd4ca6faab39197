#include "frontend/names/answer_language.h"

#include <algorithm>

#include "frontend/text/utf8.h"

namespace lorikeet::names {
namespace {

bool is_chinese(char32_t c) { return c >= 0x3400 && c <= 0x9FFF; }

bool parts_words(char32_t c) { return is_whitespace(c) || is_punctuation(c); }

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto end = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = decode_utf8(text, at);
    if (parts_words(step.code_point) || is_chinese(step.code_point)) end();
    if (!parts_words(step.code_point)) {
      std::string letter(text.substr(at, step.length));
      if (letter.size() == 1 && letter[0] >= 'A' && letter[0] <= 'Z') letter[0] = char(letter[0] - 'A' + 'a');
      word += letter;
    }
    if (is_chinese(step.code_point)) end();
    at += step.length;
  }
  end();
  return words;
}

AnswerLanguage::AnswerLanguage(const NameSet& names) : languages_(names.languages.size()) {
  for (size_t language = 0; language < languages_; ++language)
    for (const std::string& name : names.languages[language].names)
      for (std::string& word : words_of(name)) {
        std::vector<bool>& in = words_[std::move(word)];
        in.resize(languages_);
        in[language] = true;
      }
}

bool AnswerLanguage::is(std::string_view answer, size_t language) const {
  std::vector<size_t> known(languages_);
  for (const std::string& word : words_of(answer)) {
    const auto in = words_.find(word);
    if (in == words_.end()) continue;
    for (size_t l = 0; l < languages_; ++l) known[l] += in->second[l];
  }
  return known[language] > 0 && known[language] == *std::max_element(known.begin(), known.end());
}

}  // namespace lorikeet::names
