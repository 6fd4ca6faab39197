// QuestionSet: the questions of one task, from a file.
#pragma once

#include <filesystem>
#include <optional>

#include "frontend/dataset/example_record.h"
#include "frontend/dataset/prompt_template.h"
#include "frontend/tasks/task.h"

namespace lorikeet::tasks {

struct QuestionSet {
  std::string task;  // "arc-e"
  std::string file;
  std::vector<Question> questions;
};

// The file of a task in a folder: NAME.json or .jsonl (or .txt for hellaswag), or in a folder NAME one that is called
// like a split. None if there is none.
std::optional<std::filesystem::path> find_file(const Task& task, const std::filesystem::path& folder);
// Where find_file looks, for messages: "arc-e.json, arc-e.jsonl, ...".
std::string file_names(const Task& task);

// Reads JSON Lines or a JSON array with the fields of Hugging Face's data set, or with prompts of its own (instruction,
// input, output, answer), which are written down in the form of `prompt`; and HellaSwag as lines of text. Errors:
// not_found or io for the file; corrupt for what is in it, with its line; invalid_argument for PromptTemplate::chat.
Result<QuestionSet> read_questions(const Task& task, const std::filesystem::path& file,
                                   PromptTemplate prompt = PromptTemplate::plain);
// The same from the file's text; `file` names it in messages.
Result<QuestionSet> parse_questions(const Task& task, std::string_view text, const std::string& file,
                                    PromptTemplate prompt = PromptTemplate::plain);

// The questions with their right answers, to train on. A question whose training prompt the file does not give is left
// out.
std::vector<ExampleRecord> training_records(const QuestionSet& set);

}  // namespace lorikeet::tasks
