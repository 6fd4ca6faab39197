#include "frontend/dataset/example_record.h"

#include <limits>

#include "frontend/dataset/example.h"
#include "frontend/dataset/records.h"
#include "frontend/parrot_prompt.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr int64_t kIgnored = -100;  // Hugging Face's label of what is not learnt

Error wrong(const std::string& where, std::string_view expected, std::string_view given) {
  return corrupt(join(where, ": expected ", expected, ", given ", given, "."));
}

// Reads one record; its pictures are collected from wherever it names them.
class Reader {
 public:
  Reader(const Json& record, const std::string& where) : json_(&record) { out_.where = where; }

  Result<ExampleRecord> read() {
    if (const Json* list = field(*json_, "messages")) LK_TRY(read_messages(*list, "role", "content"));
    else if (const Json* turns = field(*json_, "conversations")) LK_TRY(read_messages(*turns, "from", "value"));
    else if (field(*json_, "input_ids")) LK_TRY(read_ids());
    else if (field(*json_, "instruction")) LK_TRY(read_instruction());
    else if (field(*json_, "text")) LK_TRY(read_text());
    else return wrong(where(), "a field messages, input_ids, instruction or text", given_fields());
    LK_TRY(read_picture());
    return std::move(out_);
  }

 private:
  const std::string& where() const { return out_.where; }

  std::string given_fields() const {
    std::string names;
    for (const auto& entry : json_->items()) names += (names.empty() ? "" : ", ") + entry.key();
    return names.empty() ? "an empty object" : "only " + names;
  }

  Status read_text() {
    LK_ASSIGN(out_.text, text_field(*json_, "text", where()));
    if (out_.text.empty()) return wrong(where(), "a text in the field text", "an empty one");
    return Done{};
  }

  Status read_instruction() {
    out_.kind = RecordKind::instruction;
    LK_ASSIGN(out_.instruction, text_field(*json_, "instruction", where()));
    if (field(*json_, "input")) {
      LK_ASSIGN(out_.input, text_field(*json_, "input", where()));
    }
    LK_ASSIGN(out_.answer, text_field(*json_, "output", where()));
    return Done{};
  }

  Result<int32_t> id_of(const Json& value, const char* name, bool is_label) const {
    const bool whole = value.is_number_integer();
    const bool fits = !value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t(INT32_MAX);
    const int64_t id = whole && fits ? value.get<int64_t>() : std::numeric_limits<int64_t>::min();
    if (is_label && (id == kIgnored || id == kNoLabel)) return kNoLabel;
    if (id < 0)
      return wrong(where(), join(is_label ? "token ids or -100 in the field " : "token ids in the field ", name),
                   whole ? value.dump() : std::string(kind_of(&value)));
    return int32_t(id);
  }

  Result<std::vector<int32_t>> ids_of(const char* name, bool labels) const {
    const Json* list = field(*json_, name);
    if (!list->is_array()) return wrong(where(), join("a list in the field ", name), kind_of(list));
    std::vector<int32_t> ids;
    for (const Json& value : *list) {
      LK_ASSIGN(const int32_t id, id_of(value, name, labels));
      ids.push_back(id);
    }
    return ids;
  }

  Status read_ids() {
    out_.kind = RecordKind::ids;
    LK_ASSIGN(out_.ids, ids_of("input_ids", false));
    if (out_.ids.empty()) return wrong(where(), "at least one token in the field input_ids", "none");
    if (!field(*json_, "labels")) return Done{};
    LK_ASSIGN(out_.labels, ids_of("labels", true));
    if (out_.labels.size() != out_.ids.size())
      return wrong(where(), join("as many labels as input_ids, ", out_.ids.size()), join(out_.labels.size()));
    return Done{};
  }

  Status read_messages(const Json& list, const char* role_key, const char* content_key) {
    out_.kind = RecordKind::messages;
    if (!list.is_array()) return wrong(where(), "a list of messages", kind_of(&list));
    if (list.empty()) return wrong(where(), "at least one message", "none");
    for (const Json& message : list) {
      if (!message.is_object()) return wrong(where(), "objects as messages", kind_of(&message));
      LK_ASSIGN(const std::string role, text_field(message, role_key, where()));
      LK_ASSIGN(std::string content, content_of(message, content_key));
      out_.messages.push_back({role == "human" ? "user" : role == "gpt" ? "assistant" : role, std::move(content)});
    }
    return Done{};
  }

  Result<std::string> content_of(const Json& message, const char* key) {
    const Json* content = field(message, key);
    if (!content || !content->is_array()) return text_field(message, key, where());
    std::string text;
    for (const Json& part : *content) {
      LK_ASSIGN(const std::string type, text_field(part, "type", where()));
      if (type == "text") {
        LK_ASSIGN(const std::string words, text_field(part, "text", where()));
        text += words;
      } else if (type == "image" || type == "image_url") {
        text += kPicturePlaceholder;
        for (const char* name : {"image", "path", "url", "image_url"})
          if (const Json* path = field(part, name)) LK_TRY(note_picture(*path));
      } else {
        return wrong(where(), "parts of the types text, image or image_url", join("\"", type, "\""));
      }
    }
    return text;
  }

  Status read_picture() {
    if (const Json* path = field(*json_, "image")) LK_TRY(note_picture(*path));
    const Json* list = field(*json_, "images");
    if (list && !list->is_array()) return wrong(where(), "a list in the field images", kind_of(list));
    for (size_t i = 0; list && i < list->size(); ++i) LK_TRY(note_picture((*list)[i]));
    return Done{};
  }

  // A path, or an object that has it: {"path": ...}, {"url": ...}.
  Status note_picture(const Json& named) {
    const Json* path = &named;
    for (const char* name : {"path", "url"})
      if (const Json* inside = field(named, name)) path = inside;
    if (!path->is_string()) return wrong(where(), "the path of a picture", kind_of(path));
    std::string text = path->get<std::string>();
    if (text.starts_with("file://")) text.erase(0, 7);
    if (text.starts_with("data:") || text.find("://") != text.npos)
      return wrong(where(), "the path of a picture file", "an address or the picture itself");
    if (text.empty()) return wrong(where(), "the path of a picture", "an empty text");
    if (!out_.picture.empty()) return wrong(where(), "at most one picture", "more");
    out_.picture = std::move(text);
    return Done{};
  }

  const Json* json_;
  ExampleRecord out_;
};

}  // namespace

Result<ExampleRecord> example_record(const Json& record, const std::string& where) {
  return Reader(record, where).read();
}

}  // namespace lorikeet
