// Which option a model's answer names: exactly the rules of the published evaluation without a judge model, with all
// their oddities. An option is found inside a word ("know" says No); one that is part of another ("house", "red house")
// cannot be told from it; letters count only between ASCII punctuation ("A。" is no A).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "frontend/multiple_choice/data_set.h"

namespace lorikeet::multiple_choice {

inline constexpr char kNoLetter = 'Z';  // right for no question

// The answer without white space around it. If the prompt ends with the English request: a lone capital at its begin or
// end, or what follows "answer is" or "answer:".
std::string trimmed_answer(std::string_view answer, std::string_view prompt);

// The one option that `answer` names, by its letter or by its text; kNoLetter for a refusal to answer. None: it names
// none or several.
std::optional<char> named_letter(std::string_view answer, std::span<const Option> options);

// Both steps for a question of a data set of this name; kNoLetter if nothing is named.
char answer_letter(const Question& question, std::string_view data_set, std::string_view answer);

}  // namespace lorikeet::multiple_choice
