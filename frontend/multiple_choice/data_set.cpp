#include "frontend/multiple_choice/data_set.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "frontend/multiple_choice/base64.h"
#include "frontend/multiple_choice/tsv.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet::multiple_choice {
namespace {

using Picture = std::shared_ptr<const std::vector<std::byte>>;

constexpr size_t kLongestReference = 64;  // characters; a longer text is a picture

class QuestionReader {
 public:
  QuestionReader(const Table& table, const std::string& file, const std::string& name)
      : table_(&table), file_(&file), name_(&name) {}

  Result<std::vector<Question>> read() {
    for (const char* column : {"index", "image", "question", "answer", "A", "B"})
      if (!table_->column(column))
        return corrupt(join(where(), "expected a column ", column, ", given ", header(), "."));
    for (const auto& row : table_->rows) {
      if (!cell(row, "image")) continue;
      LK_ASSIGN(Question question, read_row(row));
      if (!by_index_.emplace(join(question.index), questions_.size()).second)
        return corrupt(join(where(), "expected every index once, given ", question.index, " twice."));
      questions_.push_back(std::move(question));
      images_.push_back(*cell(row, "image"));
    }
    if (questions_.empty()) return corrupt(join(where(), "expected at least one question with a picture, given none."));
    for (size_t i = 0; i < questions_.size(); ++i) LK_TRY(read_picture(i));
    return std::move(questions_);
  }

 private:
  const Cell& cell(const std::vector<Cell>& row, std::string_view column) const {
    static const Cell kNone;
    const auto at = table_->column(column);
    return at ? row[*at] : kNone;
  }

  Result<Question> read_row(const std::vector<Cell>& row) const {
    Question question;
    const std::string index = cell(row, "index").value_or("");
    const char* end = index.data() + index.size();
    const auto read = std::from_chars(index.data(), end, question.index);
    if (read.ec != std::errc() || read.ptr != end || question.index < 0)
      return corrupt(
          join(where(), "expected a whole number from 0 on as the index of each question, given \"", index, "\"."));
    if (!cell(row, "question"))
      return corrupt(join(where(question), "expected a text in the column question, given none."));
    question.text = *cell(row, "question");
    question.hint = cell(row, "hint");
    for (char letter = 'A'; letter <= 'Z'; ++letter)
      if (const Cell& option = cell(row, {&letter, 1})) question.options.push_back({letter, *option});
    const std::string answer = cell(row, "answer").value_or("");
    if (answer.size() != 1 || answer[0] < 'A' || answer[0] > 'Z' || !table_->column(answer))
      return corrupt(join(where(question), "expected the letter of an option as the answer, given \"", answer, "\"."));
    question.answer = answer[0];
    question.part = *name_;
    question.category = cell(row, "category").value_or("");
    question.l2_category = cell(row, "l2-category").value_or("");
    question.split = cell(row, "split").value_or("none");
    return question;
  }

  bool is_reference(size_t at) const { return images_[at].size() <= kLongestReference; }

  // The published reader goes through the rows once: a reference to a reference holds only if that one came before.
  Status read_picture(size_t at) {
    Question& question = questions_[at];
    if (question.picture) return Done{};
    if (!is_reference(at)) {
      auto bytes = decode_base64(images_[at]);
      if (!bytes)
        return corrupt(join(where(question), "expected a picture in base64, given other characters or wrong padding."));
      question.picture = std::make_shared<const std::vector<std::byte>>(*std::move(bytes));
      return Done{};
    }
    const auto target = by_index_.find(std::string(images_[at]));
    if (target == by_index_.end())
      return corrupt(join(where(question),
                          "expected a picture in base64 or the index of a question that has one, given \"", images_[at],
                          "\"."));
    if (is_reference(target->second) && target->second >= at)
      return corrupt(join(where(question), "expected the index of a question that has a picture, given ", images_[at],
                          ", which has only an index itself."));
    LK_TRY(read_picture(target->second));
    question.picture = questions_[target->second].picture;
    return Done{};
  }

  std::string header() const {
    std::string names;
    for (const std::string& name : table_->columns) names += (names.empty() ? "" : ", ") + name;
    return names;
  }

  std::string where() const { return join("[mmmb] ", *file_, ": "); }
  std::string where(const Question& question) const {
    return join("[mmmb] ", *file_, " question ", question.index, ": ");
  }

  const Table* table_;
  const std::string *file_, *name_;
  std::vector<Question> questions_;
  std::vector<std::string_view> images_;  // what their column image says
  std::unordered_map<std::string, size_t> by_index_;
};

}  // namespace

Result<DataSet> parse_data_set(std::string_view tsv, const std::string& file, const std::string& name) {
  LK_ASSIGN(const Table table, read_tsv(tsv, file));
  LK_ASSIGN(std::vector<Question> questions, QuestionReader(table, file, name).read());
  return DataSet{name, std::move(questions)};
}

Result<DataSet> read_data_set(const std::filesystem::path& file, const std::string& name) {
  LK_ASSIGN(const MappedFile mapped, MappedFile::open(file));
  const std::string_view text(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
  return parse_data_set(text, file.string(), name);
}

Result<DataSet> read_mmmb(const std::filesystem::path& folder) {
  DataSet all{.name = "MMMB"};
  for (const std::string language : {"ar", "cn", "en", "pt", "ru", "tr"}) {
    LK_ASSIGN(DataSet part, read_data_set(folder / ("mmmb_" + language + ".tsv"), "MMMB_" + language));
    for (Question& question : part.questions) {
      question.index = int64_t(all.questions.size());
      all.questions.push_back(std::move(question));
    }
  }
  return all;
}

}  // namespace lorikeet::multiple_choice
