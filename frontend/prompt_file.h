// A file of prompts: JSON Lines, or one JSON array of objects.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/chat/chat_template.h"
#include "frontend/generation.h"

namespace lorikeet {

// One of `text`, `messages` and `tokens` is there.
struct PromptLine {
  std::optional<std::string> text;
  std::vector<ChatMessage> messages;
  std::vector<int32_t> tokens;
  std::optional<std::vector<std::string>> adapters;  // names; absent: not said; empty: none
  SamplingWishes sampling;
  std::string id;     // as JSON, to be repeated beside the answer; empty: none
  std::string where;  // its place, for messages: "prompts.jsonl line 3"
};

// Each object has one of "prompt" (a text), "messages" ([{"role", "content"}]) and "tokens" (ids), and may have
//   "adapter"  a name, a list of names, or null for none
//   "max_tokens", "temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed", "stop" (a text or a list)
//              in place of `defaults`
//   "id"       anything
// `file` begins the messages. Errors: corrupt, with the line, what was expected and what was given, also for any other
// field: a misspelt one must not be passed over.
Result<std::vector<PromptLine>> parse_prompts(std::string_view text, const std::string& file,
                                              const SamplingWishes& defaults);

}  // namespace lorikeet
