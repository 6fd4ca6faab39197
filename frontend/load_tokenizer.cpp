#include "frontend/load_tokenizer.h"

#include "frontend/checkpoint/vocabulary.h"
#include "runtime/base/text.h"

namespace lorikeet {

Result<Tokenizer> load_tokenizer(const Checkpoint& checkpoint) {
  if (checkpoint.kind() == Checkpoint::Kind::gguf) {
    if (!checkpoint.metadata().has("tokenizer.ggml.tokens"))
      return not_found(join(checkpoint.path().string(), " has no vocabulary: text cannot be read, only token ids."));
    LK_ASSIGN(const GgufVocabulary vocabulary, gguf_vocabulary(checkpoint.metadata()));
    return Tokenizer::from_gguf(vocabulary);
  }
  if (!checkpoint.has_text("tokenizer.json"))
    return not_found(join(checkpoint.path().string(), " has no tokenizer.json: text cannot be read, only token ids."));
  LK_ASSIGN(const std::string tokenizer, checkpoint.text("tokenizer.json"));
  std::string config, specials, chat_template;
  const auto optional = [&](const char* file, std::string& text) -> Status {
    if (!checkpoint.has_text(file)) return Done{};
    LK_ASSIGN(text, checkpoint.text(file));
    return Done{};
  };
  LK_TRY(optional("tokenizer_config.json", config));
  LK_TRY(optional("special_tokens_map.json", specials));
  LK_TRY(optional("chat_template.jinja", chat_template));
  return Tokenizer::from_json({tokenizer, config, specials, chat_template});
}

}  // namespace lorikeet
