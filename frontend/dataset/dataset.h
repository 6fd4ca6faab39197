// Dataset: the examples that a model is trained on, read from a file and held as token ids. Immutable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/dataset/example_encoder.h"

namespace lorikeet {

enum class TooLong { truncate, refuse };

struct DatasetOptions {
  EncodingOptions encoding;
  int64_t max_tokens = 512;              // of an example, those of its picture included
  TooLong too_long = TooLong::truncate;  // cut at the end, or an error
  bool skip_bad = false;                 // bad records are counted instead of being an error
  std::filesystem::path picture_folder;  // that paths of pictures are relative to; empty: the folder of the file
};

struct DatasetCounts {
  size_t records = 0;        // in the file
  size_t bad = 0;            // left out
  size_t without_label = 0;  // left out: nothing in them is learnt
  size_t truncated = 0;
  size_t tokens = 0;                  // of all examples
  size_t longest = 0;                 // tokens of the longest example, before it was cut
  std::string first_bad, longest_at;  // what was wrong with the first; where the longest is
};

// What fills up the rows of short sequences.
struct Padding {
  int32_t token = 0;
  bool learnt = false;  // as published; and tokens of a text that equal it are not looked at
};

class Dataset {
 public:
  // From JSON Lines or a JSON array (example_record.h), token ids or, by the ending .txt, plain text (token_files.h),
  // both cut into examples of max_tokens. Errors: not_found or io for the file; corrupt for a record, with file and
  // line; invalid_argument if no example is left, if some are too long and that is refused, and for max_tokens below 2.
  static Result<Dataset> read(const std::filesystem::path& file, const Tokenizer& tokenizer,
                              const DatasetOptions& options);
  // The same from the file's text; `file` names it in messages.
  static Result<Dataset> parse(std::string_view text, const std::string& file, const Tokenizer& tokenizer,
                               const DatasetOptions& options);
  // From records that come from elsewhere; `name` names them in messages.
  static Result<Dataset> make(std::span<const ExampleRecord> records, const std::string& name,
                              const Tokenizer& tokenizer, const DatasetOptions& options);

  size_t size() const { return examples_.size(); }
  const Example& operator[](size_t i) const { return examples_[i]; }
  // Rows that the example takes in a batch: a picture takes as many as it has visual tokens.
  int64_t rows(size_t i) const;
  int64_t visual_tokens() const { return visual_tokens_; }  // of a picture; 0: the model does not see
  const Padding& padding() const { return padding_; }
  const DatasetCounts& counts() const { return counts_; }

 private:
  friend class DatasetBuilder;
  Dataset() = default;

  std::vector<Example> examples_;
  int64_t visual_tokens_ = 0;
  Padding padding_;
  DatasetCounts counts_;
};

}  // namespace lorikeet
