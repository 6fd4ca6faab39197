#include "frontend/checkpoint/vocabulary.h"

namespace lorikeet {
namespace {

struct IdKey {
  const char* key;
  std::optional<int64_t> GgufVocabulary::*field;
};
constexpr IdKey kIds[] = {
    {"tokenizer.ggml.bos_token_id", &GgufVocabulary::bos_id},
    {"tokenizer.ggml.eos_token_id", &GgufVocabulary::eos_id},
    {"tokenizer.ggml.eot_token_id", &GgufVocabulary::eot_id},
    {"tokenizer.ggml.eom_token_id", &GgufVocabulary::eom_id},
    {"tokenizer.ggml.unknown_token_id", &GgufVocabulary::unknown_id},
    {"tokenizer.ggml.padding_token_id", &GgufVocabulary::padding_id},
};

struct FlagKey {
  const char* key;
  std::optional<bool> GgufVocabulary::*field;
};
constexpr FlagKey kFlags[] = {
    {"tokenizer.ggml.add_bos_token", &GgufVocabulary::add_bos},
    {"tokenizer.ggml.add_eos_token", &GgufVocabulary::add_eos},
    {"tokenizer.ggml.add_space_prefix", &GgufVocabulary::add_space_prefix},
};

Status read_texts(const GgufMetadata& metadata, const char* key, std::vector<std::string>& texts) {
  if (!metadata.has(key)) return Done{};
  LK_ASSIGN(const std::vector<std::string_view> views, metadata.texts(key));
  texts.assign(views.begin(), views.end());
  return Done{};
}

Status read_text(const GgufMetadata& metadata, const char* key, std::string& text) {
  LK_ASSIGN(text, metadata.text_or(key, ""));
  return Done{};
}

Status read_lists(const GgufMetadata& metadata, GgufVocabulary& vocabulary) {
  LK_TRY(read_texts(metadata, "tokenizer.ggml.tokens", vocabulary.tokens));
  LK_TRY(read_texts(metadata, "tokenizer.ggml.merges", vocabulary.merges));
  if (metadata.has("tokenizer.ggml.scores")) {
    LK_ASSIGN(const std::vector<double> scores, metadata.numbers("tokenizer.ggml.scores"));
    for (double score : scores) vocabulary.scores.push_back(float(score));
  }
  if (metadata.has("tokenizer.ggml.token_type")) {
    LK_ASSIGN(const std::vector<int64_t> types, metadata.integers("tokenizer.ggml.token_type"));
    for (int64_t type : types) vocabulary.token_types.push_back(type >= 0 && type < 100 ? int32_t(type) : 0);
  }
  return Done{};
}

}  // namespace

Result<GgufVocabulary> gguf_vocabulary(const GgufMetadata& metadata) {
  GgufVocabulary vocabulary;
  LK_TRY(read_text(metadata, "tokenizer.ggml.model", vocabulary.model));
  LK_TRY(read_text(metadata, "tokenizer.ggml.pre", vocabulary.pre));
  LK_TRY(read_text(metadata, "tokenizer.chat_template", vocabulary.chat_template));
  LK_TRY(read_lists(metadata, vocabulary));
  for (const IdKey& id : kIds) {
    if (!metadata.has(id.key)) continue;
    LK_ASSIGN(vocabulary.*id.field, metadata.integer(id.key));
  }
  for (const FlagKey& flag : kFlags) {
    if (!metadata.has(flag.key)) continue;
    LK_ASSIGN(vocabulary.*flag.field, metadata.flag(flag.key));
  }
  return vocabulary;
}

void set_vocabulary(GgufHeader& header, const GgufVocabulary& vocabulary) {
  header.set_text("tokenizer.ggml.model", vocabulary.model);
  if (!vocabulary.pre.empty()) header.set_text("tokenizer.ggml.pre", vocabulary.pre);
  header.set_texts("tokenizer.ggml.tokens", vocabulary.tokens);
  if (!vocabulary.scores.empty()) header.set_numbers("tokenizer.ggml.scores", vocabulary.scores);
  if (!vocabulary.token_types.empty()) header.set_integers("tokenizer.ggml.token_type", vocabulary.token_types);
  if (!vocabulary.merges.empty()) header.set_texts("tokenizer.ggml.merges", vocabulary.merges);
  for (const IdKey& id : kIds)
    if (vocabulary.*id.field) header.set_natural(id.key, uint32_t(*(vocabulary.*id.field)));
  for (const FlagKey& flag : kFlags)
    if (vocabulary.*flag.field) header.set_flag(flag.key, *(vocabulary.*flag.field));
  if (!vocabulary.chat_template.empty()) header.set_text("tokenizer.chat_template", vocabulary.chat_template);
}

}  // namespace lorikeet
