// Internal: questions that bring their own prompt, and HellaSwag as lines of text.
#pragma once

#include "frontend/dataset/prompt_template.h"
#include "frontend/tasks/task.h"

namespace lorikeet::tasks {

// {"instruction", "input", "output", "answer"}: the instruction ends with "Answer format: answer1/answer2", of which
// "answer" is one, and "output" ends with it ("the correct answer is answer1"). The prompt goes up to where the answers
// differ. Errors: corrupt, a sentence that begins with `where`.
Result<Question> read_own_prompt(PromptTemplate prompt, const Json& record, const std::string& where);
bool has_own_prompt(const Json& record);

// Six lines a question: "activity: context", the number of the right ending from 0 on, four endings. Errors: corrupt.
Result<std::vector<Question>> read_hellaswag_lines(const Task& task, std::string_view text, const std::string& file);

}  // namespace lorikeet::tasks
