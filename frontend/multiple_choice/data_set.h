// A data set of questions about pictures with lettered options: MMMB, MMBench and others of their form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet::multiple_choice {

struct Option {
  char letter = 'A';
  std::string text;
};

struct Question {
  int64_t index = 0;  // its name; no other question of the data set has it
  std::string part;   // the data set of its file: "MMMB_ar" in the aggregate "MMMB"
  std::string text;
  std::optional<std::string> hint;
  std::vector<Option> options;                            // by letter; those that read None, N/A, ... are not there
  char answer = 'A';                                      // the right letter
  std::string category, l2_category;                      // empty: none
  std::string split;                                      // "none" if the file does not say
  std::shared_ptr<const std::vector<std::byte>> picture;  // a picture file; several questions may share one
};

struct DataSet {
  std::string name;  // decides about the language of the prompts and how accuracy counts
  std::vector<Question> questions;
};

// From a file with the columns index, image, question, answer, A, B and, if wanted, more letters, hint, category,
// l2-category and split. A row without a picture does not count. Errors: not_found or io for the file, corrupt for what
// is in it.
Result<DataSet> read_data_set(const std::filesystem::path& file, const std::string& name);
// The same from the file's text; `file` names it in messages.
Result<DataSet> parse_data_set(std::string_view tsv, const std::string& file, const std::string& name);

// The aggregate MMMB: the files mmmb_ar.tsv, _cn, _en, _pt, _ru, _tr of a folder in this order, numbered anew from 0.
Result<DataSet> read_mmmb(const std::filesystem::path& folder);

}  // namespace lorikeet::multiple_choice
