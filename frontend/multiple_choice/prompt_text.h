// The text of a question as the published evaluation puts it to Parrot. The picture's place comes before it, see
// picture_question in parrot_prompt.h.
#pragma once

#include <string>
#include <string_view>

#include "frontend/multiple_choice/data_set.h"

namespace lorikeet::multiple_choice {

// [hint], question, "A. text" and so on, a line each, and the request for a letter. That is Chinese if the name of the
// data set ends with _cn or the text has a Chinese character; Portuguese, Arabic, Russian or Turkish if the name ends
// with _pt, _ar, _ru or _tr; else English. So all but Chinese questions of the aggregate "MMMB" get the English one.
std::string prompt_text(const Question& question, std::string_view data_set);

// The English request for a letter, which answers are trimmed for.
extern const std::string_view kEnglishRequest;

}  // namespace lorikeet::multiple_choice
