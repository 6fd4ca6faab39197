#include "frontend/tasks/own_prompt.h"

#include <algorithm>

#include "frontend/dataset/records.h"
#include "runtime/base/text.h"

namespace lorikeet::tasks {
namespace {

constexpr std::string_view kFormat = "Answer format:";
constexpr std::string_view kSpaces = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpaces);
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(kSpaces) + 1 - first);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.emplace_back(trimmed(text.substr(0, end)));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

bool has_own_prompt(const Json& record) { return field(record, "instruction") != nullptr; }

Result<Question> read_own_prompt(PromptTemplate prompt, const Json& record, const std::string& where) {
  LK_ASSIGN(const std::string instruction, text_field(record, "instruction", where));
  LK_ASSIGN(const std::string output, text_field(record, "output", where));
  LK_ASSIGN(const std::string answer, text_field(record, "answer", where));
  std::string input;
  if (field(record, "input")) {
    LK_ASSIGN(input, text_field(record, "input", where));
  }
  const size_t format = instruction.rfind(kFormat);
  if (format == instruction.npos)
    return corrupt(join(where, ": expected \"", kFormat,
                        "\" with the possible answers in the field instruction, given "
                        "none."));
  Question question{.own_prompt = true, .where = where};
  std::vector<std::string> answers = split(std::string_view(instruction).substr(format + kFormat.size()), '/');
  const auto right = std::find(answers.begin(), answers.end(), answer);
  if (answers.size() < 2 || right == answers.end())
    return corrupt(
        join(where, ": expected one of several possible answers in the field answer, given \"", answer, "\"."));
  if (!output.ends_with(answer))
    return corrupt(
        join(where, ": expected the answer ", answer, " at the end of the field output, given another end."));
  question.right = size_t(right - answers.begin());
  question.prompt = instruction_text(prompt, instruction, input);
  question.train_prompt = question.prompt + output;
  const std::string begin = output.substr(0, output.size() - answer.size());
  for (const std::string& text : answers) question.answers.push_back(begin + text);
  return question;
}

Result<std::vector<Question>> read_hellaswag_lines(const Task& task, std::string_view text, const std::string& file) {
  std::vector<Question> questions;
  std::vector<std::string> lines = split(text, '\n');
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (size_t first = 0; first < lines.size(); first += 6) {
    const std::string where = join(file, " line ", first + 1);
    if (first + 6 > lines.size())
      return corrupt(join(where, ": expected six lines a question, given ", lines.size() - first, "."));
    const size_t colon = lines[first].find(": ");
    if (colon == std::string::npos)
      return corrupt(join(where, ": expected an activity and a colon before the context, given none."));
    const Json record = {{"activity_label", lines[first].substr(0, colon)},
                         {"ctx", lines[first].substr(colon + 2)},
                         {"label", lines[first + 1]},
                         {"endings", {lines[first + 2], lines[first + 3], lines[first + 4], lines[first + 5]}}};
    LK_ASSIGN(Question question, read_question(task, record, where));
    questions.push_back(std::move(question));
  }
  return questions;
}

}  // namespace lorikeet::tasks
