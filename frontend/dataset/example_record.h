// One record of training data as people write it, before it is made token ids.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/chat/chat_template.h"
#include "frontend/checkpoint/json_text.h"
#include "runtime/base/result.h"

namespace lorikeet {

enum class RecordKind {
  text,         // `text`, and the answer to it if that is told apart
  instruction,  // `instruction`, `input` (may be empty) and the answer, for a prompt template
  messages,     // a conversation
  ids,          // token ids, taken as they are
};

struct ExampleRecord {
  RecordKind kind = RecordKind::text;
  std::string text, instruction, input, answer;
  std::vector<ChatMessage> messages;  // "<image>" is the place of a picture
  std::vector<int32_t> ids, labels;   // labels (as many as ids, or none): the id itself, or kNoLabel
  std::string picture;                // path as the record names it; empty: none
  std::string where;                  // its place, for messages: "train.jsonl line 3"
};

// From one of these, the first that is there:
//   {"messages": [{"role", "content"}]} or {"conversations": [{"from", "value"}]}, content a text or parts of the types
//     text, image and image_url; "image" of the record may name the picture
//   {"input_ids": [...], "labels": [...]}, -100 or -1 for what is not learnt; labels may be missing
//   {"instruction", "input", "output"}; input may be missing
//   {"text"}
// Errors: corrupt, a sentence that begins with `where`.
Result<ExampleRecord> example_record(const Json& record, const std::string& where);

}  // namespace lorikeet
