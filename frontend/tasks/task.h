// The evaluation tasks: sets of questions with a few possible answers each, asked as the published evaluation of
// DynMoLE asks them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/checkpoint/json_text.h"
#include "runtime/base/result.h"

namespace lorikeet::tasks {

// One question as a text that an answer follows.
struct Question {
  std::string prompt;                // what the model reads before it answers
  std::vector<std::string> answers;  // what may follow, each as a text; the model's choice is one of them
  size_t right = 0;                  // its number in `answers`
  std::string train_prompt;          // prompt and right answer, as the published trainer reads them; empty: not told
  bool own_prompt = false;           // the prompt is the file's, not the published one
  std::string where;                 // its place, for messages: "arc-e.jsonl line 3"
};

struct Task {
  std::string_view name;                 // "arc-e"
  std::vector<std::string_view> labels;  // the answers, the same for every question
  std::vector<std::string_view> files;   // names of its file or folder, the shortest first
  std::vector<std::string_view> splits;  // of the data set; the published evaluation uses the first
  Result<Question> (*read)(const Task& task, const Json& record, const std::string& where);
};

// arc-e, arc-c, boolq, obqa, piqa, siqa, hellaswag, winogrande, csqa, pubmedqa.
std::span<const Task> all_tasks();
const Task* find_task(std::string_view name);  // null: none of this name

// A question from a record with the fields that Hugging Face's data set has. Errors: corrupt, a sentence that begins
// with `where`.
Result<Question> read_question(const Task& task, const Json& record, const std::string& where);

}  // namespace lorikeet::tasks
