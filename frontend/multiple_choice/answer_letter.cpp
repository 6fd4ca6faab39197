#include "frontend/multiple_choice/answer_letter.h"

#include <algorithm>
#include <set>

#include "frontend/chat/unicode.h"
#include "frontend/multiple_choice/prompt_text.h"

namespace lorikeet::multiple_choice {
namespace {

namespace unicode = jinja::unicode;  // text as Python sees it

using Points = std::u32string;  // one entry a character: positions in Python's texts

const Points kSpaces = U" \t\n\r\v\f";
const Points kSpacesAndPunctuation = kSpaces + U"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

constexpr std::string_view kFailure = "Failed to obtain answer via API";
constexpr std::string_view kRefusals[] = {
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
};

Points lower(const Points& text) { return unicode::points(unicode::lower(unicode::bytes(text))); }

Points stripped(const Points& text, const Points& characters) {
  const size_t first = text.find_first_not_of(characters);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(characters) + 1 - first);
}

bool is_capital(char32_t c) { return c >= 'A' && c <= 'Z'; }
bool ends_word(char32_t c) { return kSpacesAndPunctuation.find(c) != Points::npos; }

// What follows the first of `prefixes` that occurs. The position is that in the lower case, which may be longer.
std::optional<Points> after(const Points& text, std::initializer_list<Points> prefixes) {
  const Points low = lower(text);
  for (const Points& prefix : prefixes)
    if (const size_t at = low.find(prefix); at != low.npos)
      return text.substr(std::min(at + prefix.size(), text.size()));
  return std::nullopt;
}

Points shortened(Points text) {
  for (;;) {
    text = stripped(text, kSpacesAndPunctuation);
    if (text.size() < 2) return text;
    if (is_capital(text.front()) && ends_word(text[1])) return text.substr(0, 1);
    if (is_capital(text.back()) && ends_word(text[text.size() - 2])) return text.substr(text.size() - 1);
    auto rest = after(text, {U"answer is", U"answer:"});
    if (!rest) return text;
    text = after(*rest, {U"option"}).value_or(*rest);
  }
}

// The words between white space and some ASCII punctuation.
std::set<Points> words(std::string_view answer) {
  static const Points kSeparators = U".()[],:;!*#{}";
  std::set<Points> all;
  Points word;
  for (const char32_t c : unicode::points(answer) + U" ") {
    if (!unicode::is_space(c) && kSeparators.find(c) == Points::npos) {
      word += c;
    } else if (!word.empty()) {
      all.insert(std::move(word));
      word.clear();
    }
  }
  return all;
}

// The one option for which `named` holds; else none, with the number of those.
template <class Named>
std::pair<std::optional<char>, size_t> single(std::span<const Option> options, const Named& named) {
  std::optional<char> letter;
  size_t count = 0;
  for (const Option& option : options)
    if (named(option) && ++count == 1) letter = option.letter;
  return {count == 1 ? letter : std::nullopt, count};
}

}  // namespace

std::string trimmed_answer(std::string_view answer, std::string_view prompt) {
  const Points text = stripped(unicode::points(answer), kSpaces);
  return unicode::bytes(prompt.ends_with(kEnglishRequest) ? shortened(text) : text);
}

std::optional<char> named_letter(std::string_view answer, std::span<const Option> options) {
  const auto contains = [&](std::string_view part) { return answer.find(part) != answer.npos; };
  if (!contains(kFailure)) {
    if (std::any_of(std::begin(kRefusals), std::end(kRefusals), contains)) return kNoLetter;
    const std::set<Points> said = words(answer);
    const auto says = [&](char letter) { return said.contains(Points(1, char32_t(letter))); };
    const auto [letter, count] = single(options, [&](const Option& option) { return says(option.letter); });
    if (letter) return letter;
    if (count == 0 && says(kNoLetter)) return kNoLetter;
  }
  const std::string low = unicode::lower(answer);
  const auto in_answer = [&](const Option& option) { return low.find(unicode::lower(option.text)) != low.npos; };
  return single(options, in_answer).first;
}

char answer_letter(const Question& question, std::string_view data_set, std::string_view answer) {
  return named_letter(trimmed_answer(answer, prompt_text(question, data_set)), question.options).value_or(kNoLetter);
}

}  // namespace lorikeet::multiple_choice
