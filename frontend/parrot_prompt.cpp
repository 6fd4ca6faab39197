#include "frontend/parrot_prompt.h"

#include <algorithm>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr std::string_view kAnswerBegin = "<|im_start|>assistant\n";
constexpr std::string_view kDefaultSystem = "You are a helpful assistant.";

std::string turn(std::string_view role, std::string_view content) {
  return join("<|im_start|>", role, "\n", content, "<|im_end|>\n");
}

// Every message as the text that is tokenised at once.
std::vector<std::string> turns(std::span<const ChatMessage> messages) {
  std::vector<std::string> all;
  if (messages.front().role != "system") all.push_back(turn("system", kDefaultSystem));
  for (const ChatMessage& message : messages) all.push_back(turn(message.role, message.content));
  return all;
}

// `last_role`: whose message comes last.
Status check(std::span<const ChatMessage> messages, std::string_view last_role) {
  for (const ChatMessage& message : messages)
    if (message.role != "system" && message.role != "user" && message.role != "assistant")
      return invalid(
          join("[parrot_prompt] expected the role system, user or assistant, given \"", message.role, "\"."));
  if (messages.empty()) return invalid("[parrot_prompt] expected at least one message, given none.");
  if (messages.back().role != last_role)
    return invalid(join("[parrot_prompt] expected the ", last_role, "'s message at the end, given one of the role ",
                        messages.back().role, "."));
  return Done{};
}

}  // namespace

Result<std::vector<int32_t>> ids_with_pictures(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> ids;
  for (;;) {
    const size_t end = text.find(kPicturePlaceholder);
    LK_ASSIGN(const std::vector<int32_t> part,
              tokenizer.encode(text.substr(0, end), {.parse_special = true, .add_special = false}));
    ids.insert(ids.end(), part.begin(), part.end());
    if (end == text.npos) return ids;
    ids.push_back(kPictureToken);
    text.remove_prefix(end + kPicturePlaceholder.size());
  }
}

Result<std::vector<int32_t>> parrot_prompt_ids(const Tokenizer& tokenizer, std::span<const ChatMessage> messages) {
  LK_TRY(check(messages, "user"));
  std::vector<std::string> texts = turns(messages);
  texts.emplace_back(kAnswerBegin);
  std::vector<int32_t> ids;
  for (const std::string& text : texts) {
    LK_ASSIGN(const std::vector<int32_t> part, ids_with_pictures(tokenizer, text));
    ids.insert(ids.end(), part.begin(), part.end());
  }
  return ids;
}

Result<std::vector<ParrotTurn>> parrot_conversation_ids(const Tokenizer& tokenizer,
                                                        std::span<const ChatMessage> messages) {
  LK_TRY(check(messages, "assistant"));
  std::vector<std::string> texts = turns(messages);
  texts.back().pop_back();  // the line end
  LK_ASSIGN(const std::vector<int32_t> answer_begin, ids_with_pictures(tokenizer, kAnswerBegin));
  std::vector<ParrotTurn> all;
  for (const std::string& text : texts) {
    LK_ASSIGN(std::vector<int32_t> ids, ids_with_pictures(tokenizer, text));
    const size_t answer = text.starts_with(kAnswerBegin) ? std::min(answer_begin.size(), ids.size()) : ids.size();
    all.push_back({std::move(ids), answer});
  }
  return all;
}

std::string picture_question(std::string_view question) { return join(kPicturePlaceholder, "\n", question); }

}  // namespace lorikeet
