// What a tokenizer consists of, however it was read. Internal to this folder.
#pragma once

#include <string>
#include <vector>

#include "frontend/text/added_tokens.h"
#include "frontend/text/bpe.h"
#include "frontend/text/decode_chain.h"
#include "frontend/text/normalizer.h"
#include "frontend/text/pre_tokenizer.h"
#include "frontend/text/tokenizer.h"

namespace lorikeet {

struct TokenizerParts {
  AddedTokens added;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  Bpe model;
  std::vector<int32_t> before, after;  // what `add_special` puts around the ids
  std::vector<DecodeStep> decoder;
  SpecialTokens special;
  std::string chat_template;
  std::vector<std::string> notices;

  std::optional<int32_t> find(std::string_view text) const;
  // A token that the model has keeps the model's id.
  Status add_token(AddedToken token);
  // To be called last.
  Status finish();
};

Result<TokenizerParts> read_tokenizer_json(const TokenizerFiles& files);
Result<TokenizerParts> read_gguf_vocabulary(const GgufVocabulary& vocabulary);

}  // namespace lorikeet
