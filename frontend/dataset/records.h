// The records of a file of JSON objects: JSON Lines, or one JSON array of objects (as many public data sets are).
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "frontend/checkpoint/json_text.h"
#include "runtime/base/result.h"

namespace lorikeet {

// One record as the file has it.
struct RecordText {
  std::string_view json;
  size_t line = 0;           // where it begins, from 1
  const char* problem = "";  // not empty: why no record can be read from here on
};

// Goes through the text without reading the objects: a broken one does not hide those after it. The text must outlive
// it. Blank lines and a byte order mark do not count.
class RecordReader {
 public:
  explicit RecordReader(std::string_view text);
  std::optional<RecordText> next();  // none at the end

 private:
  std::optional<RecordText> next_line();
  std::optional<RecordText> next_element();
  void skip_space();
  size_t element_end() const;
  RecordText give_up(const char* problem);

  std::string_view text_;
  size_t at_ = 0, line_ = 1, elements_ = 0;
  bool array_ = false;
};

// Reads every record. `file` names it in messages; `use` gets the object and its place ("train.jsonl line 3"). Errors:
// corrupt for text that is no object; what `use` returns.
using UseRecord = std::function<Status(const Json& record, const std::string& where)>;
Status read_records(std::string_view text, const std::string& file, const UseRecord& use);
// The object of one record; `where` begins the message. Errors: corrupt.
Result<Json> parse_record(const RecordText& record, const std::string& where);

// --- fields ----------------------------------------------------------------------------------------------------------

// What a value is, for messages: "a text", "a number", "nothing", ...
std::string_view kind_of(const Json* value);
// Null where the field is missing or null.
const Json* field(const Json& object, const char* name);
// Errors: corrupt, with what was given, for a field of another kind or a missing one.
Result<std::string> text_field(const Json& object, const char* name, const std::string& where);

}  // namespace lorikeet
