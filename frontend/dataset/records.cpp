#include "frontend/dataset/records.h"

#include <algorithm>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSpaces = " \t\r\n";

size_t lines_in(std::string_view text) { return size_t(std::count(text.begin(), text.end(), '\n')); }

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpaces);
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(kSpaces) + 1 - first);
}

}  // namespace

RecordReader::RecordReader(std::string_view text) : text_(text) {
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  const size_t first = text_.find_first_not_of(kSpaces);
  array_ = first != text_.npos && text_[first] == '[';
  if (!array_) return;
  skip_space();
  ++at_;
}

std::optional<RecordText> RecordReader::next() { return array_ ? next_element() : next_line(); }

std::optional<RecordText> RecordReader::next_line() {
  while (at_ < text_.size()) {
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    const std::string_view line = trimmed(text_.substr(at_, end - at_));
    at_ = std::min(end + 1, text_.size());
    const size_t number = line_++;
    if (!line.empty()) return RecordText{line, number};
  }
  return std::nullopt;
}

std::optional<RecordText> RecordReader::next_element() {
  if (at_ >= text_.size()) return std::nullopt;
  skip_space();
  if (at_ < text_.size() && text_[at_] == ']') {
    ++at_;
    skip_space();
    return at_ < text_.size() ? std::optional(give_up("expected nothing after the array, given more text"))
                              : std::nullopt;
  }
  if (elements_ > 0 && at_ < text_.size()) {
    if (text_[at_] != ',') return give_up("expected a comma or the end of the array, given other text");
    ++at_;
    skip_space();
  }
  if (at_ >= text_.size()) return give_up("expected the end of the array, given the end of the file");
  const size_t end = element_end();
  const RecordText element{trimmed(text_.substr(at_, end - at_)), line_};
  line_ += lines_in(text_.substr(at_, end - at_));
  at_ = end;
  ++elements_;
  return element;
}

void RecordReader::skip_space() {
  const size_t end = std::min(text_.find_first_not_of(kSpaces, at_), text_.size());
  line_ += lines_in(text_.substr(at_, end - at_));
  at_ = end;
}

// Just behind the value that begins here: brackets are counted outside of strings.
size_t RecordReader::element_end() const {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = at_; i < text_.size(); ++i) {
    const char c = text_[i];
    if (in_string) {
      if (c == '\\') ++i;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == ']')) {
      return i;
    } else if ((c == '}' || c == ']') && (depth == 0 || --depth == 0)) {
      return i + 1;
    }
  }
  return text_.size();
}

RecordText RecordReader::give_up(const char* problem) {
  at_ = text_.size();
  return {{}, line_, problem};
}

Result<Json> parse_record(const RecordText& record, const std::string& where) {
  if (*record.problem) return corrupt(join(where, ": ", record.problem, "."));
  return parse_json_object(record.json, where, DuplicateKeys::last_wins);
}

Status read_records(std::string_view text, const std::string& file, const UseRecord& use) {
  RecordReader reader(text);
  while (const auto record = reader.next()) {
    const std::string where = join(file, " line ", record->line);
    LK_ASSIGN(const Json object, parse_record(*record, where));
    LK_TRY(use(object, where));
  }
  return Done{};
}

std::string_view kind_of(const Json* value) {
  if (!value || value->is_null()) return "nothing";
  if (value->is_string()) return "a text";
  if (value->is_boolean()) return "true or false";
  if (value->is_number()) return "a number";
  return value->is_array() ? "a list" : "an object";
}

const Json* field(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> text_field(const Json& object, const char* name, const std::string& where) {
  const Json* value = field(object, name);
  if (!value || !value->is_string())
    return corrupt(join(where, ": expected a text in the field ", name, ", given ", kind_of(value), "."));
  return value->get_ref<const std::string&>();
}

}  // namespace lorikeet
