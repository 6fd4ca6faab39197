#include "frontend/tasks/task.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "frontend/dataset/records.h"
#include "runtime/base/text.h"

namespace lorikeet::tasks {
namespace {

std::string list_of(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text += join(text.empty() ? "" : ", ", word);
  return text;
}

std::string shown(const Json* value) {
  if (value && value->is_string()) return join("\"", value->get_ref<const std::string&>(), "\"");
  return value && value->is_number() ? value->dump() : std::string(kind_of(value));
}

// Which of the labels the field names.
Result<size_t> label_at(const Json& record, const char* name, std::span<const std::string_view> labels,
                        const std::string& where) {
  const Json* value = field(record, name);
  if (value && value->is_string()) {
    const auto found = std::find(labels.begin(), labels.end(), value->get_ref<const std::string&>());
    if (found != labels.end()) return size_t(found - labels.begin());
  }
  return corrupt(
      join(where, ": expected one of ", list_of(labels), " in the field ", name, ", given ", shown(value), "."));
}

std::optional<int64_t> whole_number(const Json* value) {
  if (value && value->is_number_integer()) return value->get<int64_t>();
  if (!value || !value->is_string()) return std::nullopt;
  const std::string& text = value->get_ref<const std::string&>();
  int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

// Which of `count` answers the field counts from `first` on, as a number or as a text.
Result<size_t> number_at(const Json& record, const char* name, int64_t first, size_t count, const std::string& where) {
  const Json* value = field(record, name);
  const auto number = whole_number(value);
  if (number && *number >= first && *number < first + int64_t(count)) return size_t(*number - first);
  return corrupt(join(where, ": expected a number from ", first, " to ", first + int64_t(count) - 1, " in the field ",
                      name, ", given ", shown(value), "."));
}

Result<std::vector<std::string>> texts_at(const Json& record, const char* name, const std::string& where) {
  const Json* list = field(record, name);
  std::vector<std::string> texts;
  if (list && list->is_array())
    for (const Json& text : *list)
      if (text.is_string()) texts.push_back(text.get<std::string>());
  if (!list || !list->is_array() || texts.size() != list->size() || texts.empty())
    return corrupt(join(where, ": expected a list of texts in the field ", name, ", given ",
                        list && list->is_array() && !list->empty() ? "other values" : shown(list), "."));
  return texts;
}

// "(label) text" for each entry of two lists of an object.
Result<std::vector<std::string>> labelled(const Json& record, const char* name, const char* label_key,
                                          const char* text_key, const std::string& where) {
  const Json* object = field(record, name);
  if (!object || !object->is_object())
    return corrupt(join(where, ": expected an object in the field ", name, ", given ", shown(object), "."));
  LK_ASSIGN(const std::vector<std::string> labels, texts_at(*object, label_key, where));
  LK_ASSIGN(const std::vector<std::string> texts, texts_at(*object, text_key, where));
  if (labels.size() != texts.size())
    return corrupt(join(where, ": expected as many entries in ", label_key, " as in ", text_key, ", given ",
                        labels.size(), " and ", texts.size(), "."));
  std::vector<std::string> entries;
  for (size_t i = 0; i < labels.size(); ++i) entries.push_back(join("(", labels[i], ") ", texts[i]));
  return entries;
}

// In the published order: prompt, a space, the right answer.
Question question(const Task& task, std::string prompt, size_t right) {
  Question made{.prompt = std::move(prompt), .right = right};
  for (const std::string_view label : task.labels) made.answers.push_back(join(" ", label));
  made.train_prompt = made.prompt + made.answers[right];
  return made;
}

// "(A) text" and so on, a line each.
std::string options(std::span<const std::string> texts) {
  std::string lines;
  for (size_t i = 0; i < texts.size(); ++i) lines += join("\n(", char('A' + i), ") ", texts[i]);
  return lines;
}

Result<Question> choices(const Task& task, const Json& record, const char* asked, const std::string& where) {
  LK_ASSIGN(std::string prompt, text_field(record, asked, where));
  LK_ASSIGN(const std::vector<std::string> entries, labelled(record, "choices", "label", "text", where));
  LK_ASSIGN(const size_t right, label_at(record, "answerKey", task.labels, where));
  prompt.insert(0, "Please choose the correct answer to the question: ");
  for (const std::string& entry : entries) prompt += " " + entry;
  return question(task, prompt + "\nAnswer:", right);
}

Result<Question> arc(const Task& task, const Json& record, const std::string& where) {
  return choices(task, record, "question", where);
}

Result<Question> obqa(const Task& task, const Json& record, const std::string& where) {
  return choices(task, record, "question_stem", where);
}

Result<Question> boolq(const Task& task, const Json& record, const std::string& where) {
  LK_ASSIGN(const std::string asked, text_field(record, "question", where));
  const Json* answer = field(record, "answer");
  if (!answer || !answer->is_boolean())
    return corrupt(join(where, ": expected true or false in the field answer, given ", shown(answer), "."));
  return question(task, join("Please answer the following question with true or false: ", asked, "?\nAnswer:"),
                  answer->get<bool>() ? 0 : 1);
}

Result<Question> piqa(const Task& task, const Json& record, const std::string& where) {
  LK_ASSIGN(const std::string goal, text_field(record, "goal", where));
  LK_ASSIGN(const std::string first, text_field(record, "sol1", where));
  LK_ASSIGN(const std::string second, text_field(record, "sol2", where));
  LK_ASSIGN(const size_t right, number_at(record, "label", 0, 2, where));
  return question(
      task,
      join("Below is a common task along with two possible solutions labeled (A) and (B). Please select the "
           "appropriate solution to achieve the task:\n",
           goal, "\n\n(A) ", first, "\n(B) ", second, "\n\nCorrect solution:"),
      right);
}

Result<Question> siqa(const Task& task, const Json& record, const std::string& where) {
  LK_ASSIGN(const std::string context, text_field(record, "context", where));
  LK_ASSIGN(const std::string asked, text_field(record, "question", where));
  std::vector<std::string> texts;
  for (const char* name : {"answerA", "answerB", "answerC"}) {
    LK_ASSIGN(std::string text, text_field(record, name, where));
    texts.push_back(std::move(text));
  }
  LK_ASSIGN(const size_t right, number_at(record, "label", 1, 3, where));
  return question(task,
                  join("Please choose the correct answer to the question.\nQuestion: ", context, " ", asked,
                       options(texts), "\nAnswer:"),
                  right);
}

Result<Question> hellaswag(const Task& task, const Json& record, const std::string& where) {
  LK_ASSIGN(const std::string activity, text_field(record, "activity_label", where));
  LK_ASSIGN(const std::string context, text_field(record, "ctx", where));
  LK_ASSIGN(const std::vector<std::string> endings, texts_at(record, "endings", where));
  if (endings.size() != task.labels.size())
    return corrupt(join(where, ": expected ", task.labels.size(), " endings, given ", endings.size(), "."));
  LK_ASSIGN(const size_t right, number_at(record, "label", 0, endings.size(), where));
  return question(task,
                  join("Please choose the correct ending to complete the given sentence.\nSentence: ", activity, ". ",
                       context, options(endings), "\nAnswer:"),
                  right);
}

Result<Question> winogrande(const Task& task, const Json& record, const std::string& where) {
  LK_ASSIGN(const std::string sentence, text_field(record, "sentence", where));
  LK_ASSIGN(std::string first, text_field(record, "option1", where));
  LK_ASSIGN(std::string second, text_field(record, "option2", where));
  LK_ASSIGN(const size_t right, number_at(record, "answer", 1, 2, where));
  const std::string texts[] = {std::move(first), std::move(second)};
  return question(task,
                  join("Please choose the correct answer to fill in the blank to complete the given sentence.\n"
                       "Sentence: ",
                       sentence, options(texts), "\nAnswer:"),
                  right);
}

Result<Question> pubmedqa(const Task& task, const Json& record, const std::string& where) {
  LK_ASSIGN(const std::string asked, text_field(record, "question", where));
  LK_ASSIGN(const std::vector<std::string> context, labelled(record, "context", "labels", "contexts", where));
  LK_ASSIGN(const size_t right, label_at(record, "final_decision", task.labels, where));
  std::string text = join(
      "Instruction:\nPlease answer the following question with yes or no based on your medical knowledge and the "
      "following context.\nQuestion:\n",
      asked, "\nContext:\n");
  for (const std::string& part : context) text += part + "\n";
  Question made = question(task, text + "Answer:", right);
  made.train_prompt.clear();
  if (!field(record, "long_answer")) return made;  // needed for training alone
  LK_ASSIGN(const std::string reason, text_field(record, "long_answer", where));
  made.train_prompt = join(text, "Long Answer:\n", reason, "\nAnswer:", made.answers[right]);
  return made;
}

const std::vector<Task>& tasks() {
  static const std::vector<Task> kTasks = {
      {"arc-e", {"1", "2", "3", "4", "A", "B", "C", "D", "E"}, {"arc-e", "ARC-Easy"}, {"test", "validation"}, arc},
      {"arc-c", {"1", "2", "3", "4", "A", "B", "C", "D", "E"}, {"arc-c", "ARC-Challenge"}, {"test", "validation"}, arc},
      {"boolq", {"true", "false"}, {"boolq"}, {"validation", "test"}, boolq},
      {"obqa", {"A", "B", "C", "D"}, {"obqa", "openbookqa"}, {"test", "validation"}, obqa},
      {"piqa", {"A", "B"}, {"piqa"}, {"validation", "test"}, piqa},
      {"siqa", {"A", "B", "C"}, {"siqa", "social_i_qa"}, {"validation", "test"}, siqa},
      {"hellaswag", {"A", "B", "C", "D"}, {"hellaswag"}, {"validation", "test"}, hellaswag},
      {"winogrande", {"A", "B"}, {"winogrande"}, {"validation", "test"}, winogrande},
      {"csqa", {"A", "B", "C", "D", "E"}, {"csqa", "commonsense_qa"}, {"validation", "test"}, arc},
      {"pubmedqa", {"yes", "no", "maybe"}, {"pubmedqa", "PubMedQA"}, {"train", "test"}, pubmedqa},
  };
  return kTasks;
}

}  // namespace

std::span<const Task> all_tasks() { return tasks(); }

const Task* find_task(std::string_view name) {
  const auto found = std::find_if(tasks().begin(), tasks().end(), [&](const Task& task) { return task.name == name; });
  return found == tasks().end() ? nullptr : &*found;
}

Result<Question> read_question(const Task& task, const Json& record, const std::string& where) {
  LK_ASSIGN(Question question, task.read(task, record, where));
  question.where = where;
  return question;
}

}  // namespace lorikeet::tasks
