#include "frontend/dataset/dataset.h"

#include <algorithm>

#include "frontend/dataset/records.h"
#include "frontend/dataset/token_files.h"
#include "frontend/picture_config.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

int64_t rows_of(const Example& example, int64_t visual_tokens) {
  const auto pictures = std::count(example.tokens.begin(), example.tokens.end(), kPictureToken);
  return int64_t(example.tokens.size()) + pictures * (visual_tokens - 1);
}

bool has_label(const Example& example) {
  // The first token is predicted by none.
  return std::any_of(example.labels.begin() + 1, example.labels.end(), [](int32_t label) { return label != kNoLabel; });
}

}  // namespace

// Takes records one by one.
class DatasetBuilder {
 public:
  static Result<DatasetBuilder> create(const std::string& name, const Tokenizer& tokenizer,
                                       const DatasetOptions& options) {
    if (options.max_tokens < 2)
      return invalid(
          join("[dataset] expected at least 2 tokens as the longest example, given ", options.max_tokens, "."));
    LK_ASSIGN(ExampleEncoder encoder, ExampleEncoder::create(tokenizer, options.encoding));
    return DatasetBuilder(name, options, std::move(encoder));
  }

  // An Error that stays one only unless bad records are counted.
  Status take(Result<ExampleRecord> record) {
    ++counts().records;
    Status taken = [&]() -> Status {
      if (!record) return std::move(record).error();
      LK_ASSIGN(Example example, encoder_.encode(*record));
      return add(std::move(example), record->where);
    }();
    if (taken) return taken;
    Error& error = taken.error();
    if (!error.message.starts_with("[dataset]")) error.message = join("[dataset] ", error.message);
    if (!options_.skip_bad) return taken;
    if (counts().bad++ == 0) counts().first_bad = error.message;
    return Done{};
  }

  Result<Dataset> finish() {
    const DatasetCounts& c = counts();
    if (too_long_ > 0 && options_.too_long == TooLong::refuse)
      return invalid(join("[dataset] ", name_, ": expected at most ", options_.max_tokens, " tokens an example, given ",
                          too_long_, " longer ones of ", c.records, "; the longest, ", c.longest_at, ", has ",
                          c.longest, "."));
    if (dataset_.size() == 0) return invalid(join("[dataset] ", name_, ": expected at least one ", nothing_left()));
    return std::move(dataset_);
  }

 private:
  DatasetBuilder(const std::string& name, const DatasetOptions& options, ExampleEncoder encoder)
      : name_(name), options_(options), encoder_(std::move(encoder)) {
    dataset_.visual_tokens_ = options_.encoding.visual_tokens;
    dataset_.padding_ = {encoder_.padding(), encoder_.learns_padding()};
  }

  DatasetCounts& counts() { return dataset_.counts_; }

  std::string nothing_left() {
    const DatasetCounts& c = counts();
    if (c.records == 0) return "record, given none.";
    if (c.bad == c.records) return join("good record, given ", c.records, " bad ones; the first: ", c.first_bad);
    return join("example with something to learn, given ", c.without_label, " with nothing.");
  }

  Status add(Example example, const std::string& where) {
    const int64_t visual = options_.encoding.visual_tokens;
    const int64_t rows = rows_of(example, visual);
    if (size_t(rows) > counts().longest) {
      counts().longest = size_t(rows);
      counts().longest_at = where;
    }
    if (rows > options_.max_tokens) {
      ++too_long_;
      if (options_.too_long == TooLong::refuse) return Done{};  // told at the end
      LK_TRY(truncate(example, where));
    }
    if (example.tokens.size() < 2 || !has_label(example)) {
      ++counts().without_label;
      return Done{};
    }
    if (rows > options_.max_tokens) ++counts().truncated;
    if (!example.picture.empty()) example.picture = (options_.picture_folder / example.picture).string();
    counts().tokens += size_t(rows_of(example, visual));
    dataset_.examples_.push_back(std::move(example));
    return Done{};
  }

  Status truncate(Example& example, const std::string& where) const {
    const int64_t visual = options_.encoding.visual_tokens;
    int64_t rows = 0;
    size_t kept = 0;
    while (kept < example.tokens.size()) {
      const int64_t next = rows + (example.tokens[kept] == kPictureToken ? visual : 1);
      if (next > options_.max_tokens) break;
      rows = next;
      ++kept;
    }
    if (std::find(example.tokens.begin() + ptrdiff_t(kept), example.tokens.end(), kPictureToken) !=
        example.tokens.end())
      return corrupt(join(where, ": expected the ", visual, " tokens of the picture among the first ",
                          options_.max_tokens, ", given them behind."));
    example.tokens.resize(kept);
    example.labels.resize(kept);
    return Done{};
  }

  std::string name_;
  DatasetOptions options_;
  ExampleEncoder encoder_;
  Dataset dataset_;
  size_t too_long_ = 0;
};

int64_t Dataset::rows(size_t i) const { return rows_of(examples_[i], visual_tokens_); }

Result<Dataset> Dataset::parse(std::string_view text, const std::string& file, const Tokenizer& tokenizer,
                               const DatasetOptions& options) {
  LK_ASSIGN(DatasetBuilder builder, DatasetBuilder::create(file, tokenizer, options));
  RecordReader reader(text);
  while (const auto record = reader.next()) {
    const std::string where = join(file, " line ", record->line);
    const auto read = [&]() -> Result<ExampleRecord> {
      LK_ASSIGN(const Json object, parse_record(*record, where));
      return example_record(object, where);
    };
    LK_TRY(builder.take(read()));
  }
  return builder.finish();
}

Result<Dataset> Dataset::read(const std::filesystem::path& file, const Tokenizer& tokenizer,
                              const DatasetOptions& options) {
  LK_ASSIGN(const MappedFile mapped, MappedFile::open(file));
  const std::string_view text = as_text(mapped.bytes());
  if (holds_tokens(mapped.bytes())) {
    LK_ASSIGN(const std::vector<ExampleRecord> records, token_records(file, mapped.bytes(), options.max_tokens));
    return make(records, file.string(), tokenizer, options);
  }
  if (file.extension() == ".txt") {
    LK_ASSIGN(const std::vector<ExampleRecord> records,
              text_records(text, file.string(), tokenizer, options.max_tokens));
    return make(records, file.string(), tokenizer, options);
  }
  DatasetOptions beside = options;
  if (beside.picture_folder.empty()) beside.picture_folder = file.parent_path();
  return parse(text, file.string(), tokenizer, beside);
}

Result<Dataset> Dataset::make(std::span<const ExampleRecord> records, const std::string& name,
                              const Tokenizer& tokenizer, const DatasetOptions& options) {
  LK_ASSIGN(DatasetBuilder builder, DatasetBuilder::create(name, tokenizer, options));
  for (const ExampleRecord& record : records) LK_TRY(builder.take(record));
  return builder.finish();
}

}  // namespace lorikeet
