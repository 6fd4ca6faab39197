// The answers of one model to one data set as JSON Lines, written one by one: a run that was stopped goes on where it
// was. The first line is {"data_set": ..., "model": ...}, each other {"index": ..., "answer": ...}. Belongs to one
// thread.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "frontend/multiple_choice/evaluation.h"

namespace lorikeet::multiple_choice {

class AnswerFile {
 public:
  // Begins the file, or reads what is in it; an unfinished last line is cut off. Errors: invalid_argument for a file of
  // another data set or model; corrupt for a line of another form; io.
  static Result<AnswerFile> open(const std::filesystem::path& path, const DataSet& data_set, const std::string& model);

  const Answers& answers() const { return answers_; }  // those of before and those added
  Status add(int64_t index, const std::string& answer);

 private:
  AnswerFile(std::filesystem::path path, Answers answers);
  Status write(const std::string& line);

  std::filesystem::path path_;
  Answers answers_;
  std::ofstream out_;
};

// The questions that `answers` lacks, in order: what is left to do.
std::vector<const Question*> unanswered(const DataSet& data_set, const Answers& answers);

// The complete lines of an answer file; `file` names it in messages. Errors: as above.
Result<Answers> parse_answers(std::string_view lines, const std::string& file, const DataSet& data_set,
                              const std::string& model);

}  // namespace lorikeet::multiple_choice
