#include "frontend/multiple_choice/answer_file.h"

#include <set>

#include "frontend/checkpoint/json_text.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet::multiple_choice {
namespace {

// Texts that are not UTF-8 get U+FFFD.
std::string line_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Error io(const std::filesystem::path& path, std::string_view verb, std::string_view why) {
  return {ErrorCode::io, join("[mmmb] cannot ", verb, " ", path.string(), ": ", why, "."), {}};
}

}  // namespace

Result<Answers> parse_answers(std::string_view lines, const std::string& file, const DataSet& data_set,
                              const std::string& model) {
  std::set<int64_t> indices;
  for (const Question& question : data_set.questions) indices.insert(question.index);
  Answers answers;
  for (size_t number = 1; !lines.empty(); ++number) {
    const std::string where = join("[mmmb] ", file, " line ", number);
    const size_t end = std::min(lines.find('\n'), lines.size());
    LK_ASSIGN(const Json line, parse_json_object(lines.substr(0, end), where, DuplicateKeys::last_wins));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (number == 1) {
      const std::string given_set = text_of(line, "data_set"), given_model = text_of(line, "model");
      if (given_set != data_set.name)
        return invalid(
            join(where, ": expected answers to the data set ", data_set.name, ", given those to ", given_set, "."));
      if (given_model != model)
        return invalid(join(where, ": expected answers of the model ", model, ", given those of ", given_model, "."));
      continue;
    }
    const auto index = line.find("index"), answer = line.find("answer");
    if (index == line.end() || !index->is_number_integer() || answer == line.end() || !answer->is_string())
      return corrupt(join(where, ": expected a whole number index and a text answer, given another form."));
    if (!indices.contains(index->get<int64_t>()))
      return corrupt(
          join(where, ": expected the index of a question of ", data_set.name, ", given ", index->dump(), "."));
    answers[index->get<int64_t>()] = answer->get<std::string>();
  }
  return answers;
}

std::vector<const Question*> unanswered(const DataSet& data_set, const Answers& answers) {
  std::vector<const Question*> left;
  for (const Question& question : data_set.questions)
    if (!answers.contains(question.index)) left.push_back(&question);
  return left;
}

AnswerFile::AnswerFile(std::filesystem::path path, Answers answers)
    : path_(std::move(path)), answers_(std::move(answers)), out_(path_, std::ios::binary | std::ios::app) {}

Result<AnswerFile> AnswerFile::open(const std::filesystem::path& path, const DataSet& data_set,
                                    const std::string& model) {
  std::string lines;
  std::error_code failure;
  if (std::filesystem::exists(path, failure)) {
    LK_ASSIGN(lines, read_text(path));
    lines.resize(lines.rfind('\n') + 1);  // nothing if there is no line end: npos + 1 is 0
  }
  LK_ASSIGN(Answers answers, parse_answers(lines, path.string(), data_set, model));
  if (std::filesystem::exists(path, failure)) std::filesystem::resize_file(path, lines.size(), failure);
  if (failure) return io(path, "shorten", failure.message());
  AnswerFile file(path, std::move(answers));
  if (!file.out_) return io(path, "open", "it cannot be written");
  if (lines.empty()) LK_TRY(file.write(line_of({{"data_set", data_set.name}, {"model", model}})));
  return file;
}

Status AnswerFile::add(int64_t index, const std::string& answer) {
  LK_TRY(write(line_of({{"index", index}, {"answer", answer}})));
  answers_[index] = answer;
  return Done{};
}

Status AnswerFile::write(const std::string& line) {
  out_ << line << std::flush;
  if (!out_) return io(path_, "write", "the system refused");
  return Done{};
}

}  // namespace lorikeet::multiple_choice
