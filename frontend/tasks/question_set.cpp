#include "frontend/tasks/question_set.h"

#include "frontend/dataset/records.h"
#include "frontend/tasks/own_prompt.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet::tasks {
namespace {

constexpr std::string_view kHellaSwag = "hellaswag";

std::vector<std::string> candidates(const Task& task) {
  std::vector<std::string> endings = {".json", ".jsonl"};
  if (task.name == kHellaSwag) endings.push_back(".txt");
  std::vector<std::string> names;
  for (const std::string_view file : task.files)
    for (const std::string& ending : endings) names.push_back(join(file, ending));
  for (const std::string_view file : task.files)
    for (const std::string_view split : task.splits)
      for (const std::string& ending : endings) names.push_back(join(file, "/", split, ending));
  return names;
}

// A text of lines, not of JSON.
bool is_lines(const Task& task, std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return task.name == kHellaSwag && first != text.npos && text[first] != '{' && text[first] != '[';
}

}  // namespace

std::optional<std::filesystem::path> find_file(const Task& task, const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const std::string& name : candidates(task))
    if (std::filesystem::is_regular_file(folder / name, ignored)) return folder / name;
  return std::nullopt;
}

std::string file_names(const Task& task) {
  std::string names;
  for (const std::string& name : candidates(task)) names += (names.empty() ? "" : ", ") + name;
  return names;
}

Result<QuestionSet> parse_questions(const Task& task, std::string_view text, const std::string& file,
                                    PromptTemplate prompt) {
  if (prompt == PromptTemplate::chat)
    return invalid(
        "[tasks] expected a prompt template for texts, given chat: an answer is scored by one token of a text.");
  QuestionSet set{.task = std::string(task.name), .file = file};
  const auto in_tasks = [](Error error) {
    error.message.insert(0, "[tasks] ");
    return error;
  };
  if (is_lines(task, text)) {
    auto questions = read_hellaswag_lines(task, text, file);
    if (!questions) return in_tasks(std::move(questions).error());
    set.questions = *std::move(questions);
    return set;
  }
  const auto add = [&](const Json& record, const std::string& where) -> Status {
    const bool own = has_own_prompt(record);
    LK_ASSIGN(Question question, own ? read_own_prompt(prompt, record, where) : read_question(task, record, where));
    set.questions.push_back(std::move(question));
    return Done{};
  };
  Status read = read_records(text, file, add);
  if (!read) return in_tasks(std::move(read).error());
  if (set.questions.empty()) return corrupt(join("[tasks] ", file, ": expected at least one question, given none."));
  return set;
}

Result<QuestionSet> read_questions(const Task& task, const std::filesystem::path& file, PromptTemplate prompt) {
  LK_ASSIGN(const MappedFile mapped, MappedFile::open(file));
  const std::string_view text(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
  return parse_questions(task, text, file.string(), prompt);
}

std::vector<ExampleRecord> training_records(const QuestionSet& set) {
  std::vector<ExampleRecord> records;
  for (const Question& question : set.questions) {
    if (question.train_prompt.empty()) continue;
    const std::string& answer = question.answers[question.right];
    ExampleRecord record{.kind = RecordKind::text, .answer = answer, .where = question.where};
    record.text = question.train_prompt.substr(0, question.train_prompt.size() - answer.size());
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace lorikeet::tasks
