// ExampleEncoder: a record becomes token ids and labels, under one tokenizer and one set of rules. Owns none of them:
// the tokenizer must outlive it.
#pragma once

#include <memory>
#include <optional>

#include "frontend/chat/chat_template.h"
#include "frontend/dataset/example.h"
#include "frontend/dataset/example_record.h"
#include "frontend/dataset/prompt_template.h"
#include "frontend/text/tokenizer.h"

namespace lorikeet {

enum class LabelRule {
  standard,   // the tokenizer's end token follows each text; padding is not learnt
  published,  // as the published trainer does: no end token, and padding is learnt like words
};

struct EncodingOptions {
  PromptTemplate prompt = PromptTemplate::moe_peft;  // of records with an instruction
  LabelRule labels = LabelRule::standard;
  bool answers_only = false;  // prompts are read but not learnt
  std::string chat_template;  // Jinja source; empty: the tokenizer's, or ChatML if it has none
  int64_t visual_tokens = 0;  // > 0: the model sees, a picture has so many tokens, and conversations are written and
                              // labelled as Parrot's published formatter does, whatever the options above say
  int64_t vocabulary = 0;     // ids that records bring must be below; 0: the tokenizer's
};

class ExampleEncoder {
 public:
  // Errors: not_found if an end token is needed and the tokenizer has none; what is wrong with the chat template.
  static Result<ExampleEncoder> create(const Tokenizer& tokenizer, const EncodingOptions& options);

  // Errors begin with the record's place: corrupt for one that this model cannot learn.
  Result<Example> encode(const ExampleRecord& record) const;

  // The token that fills up short sequences: padding, else unknown, else end, else 0, as published.
  int32_t padding() const;
  bool learns_padding() const { return options_.labels == LabelRule::published && !sees(); }
  bool sees() const { return options_.visual_tokens > 0; }

 private:
  ExampleEncoder(const Tokenizer& tokenizer, const EncodingOptions& options)
      : tokenizer_(&tokenizer), options_(options) {}
  Result<Example> encode_ids(const ExampleRecord& record) const;
  Result<Example> encode_text(const std::string& prompt, const std::string& answer) const;
  Result<Example> encode_chat(const std::vector<ChatMessage>& messages) const;
  Result<Example> encode_caption(const ExampleRecord& record) const;
  Result<Example> encode_parrot(const ExampleRecord& record, std::vector<ChatMessage> messages) const;
  Status mask_prompts(Example& example, const std::vector<ChatMessage>& messages, const std::string& text) const;
  Result<std::string> written(std::span<const ChatMessage> messages, bool to_be_answered) const;
  void append_end(Example& example) const;

  const Tokenizer* tokenizer_;
  EncodingOptions options_;
  std::optional<ChatTemplate> chat_;
};

}  // namespace lorikeet
