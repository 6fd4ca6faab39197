// The prompt of a Parrot model: a conversation becomes token ids with a place for each picture, as the published
// formatter writes it down.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/chat/chat_template.h"
#include "frontend/picture_config.h"
#include "frontend/text/tokenizer.h"

namespace lorikeet {

inline constexpr std::string_view kPicturePlaceholder = "<image>";

// The ids of a text in which each placeholder is the place of a picture. The parts around it are tokenised on their
// own; special tokens in them count as such, and none is added.
Result<std::vector<int32_t>> ids_with_pictures(const Tokenizer& tokenizer, std::string_view text);

// The ids of a conversation up to where the assistant's next answer begins. Roles are "system", "user", "assistant";
// without a system message first, the published one is put there. Each message is tokenised on its own. Errors:
// invalid_argument for another role, and if the last message is not the user's.
Result<std::vector<int32_t>> parrot_prompt_ids(const Tokenizer& tokenizer, std::span<const ChatMessage> messages);

// One message of a conversation to learn from.
struct ParrotTurn {
  std::vector<int32_t> ids;
  size_t answer = 0;  // where what the assistant says begins in them; ids.size() if another role speaks
};

// The turns of a whole conversation, the system message first, as the published trainer writes them down: the last one,
// which must be the assistant's, ends with <|im_end|>, the others with a line end too. Errors: as above.
Result<std::vector<ParrotTurn>> parrot_conversation_ids(const Tokenizer& tokenizer,
                                                        std::span<const ChatMessage> messages);

// What the user says to ask a question about one picture.
std::string picture_question(std::string_view question);

}  // namespace lorikeet
