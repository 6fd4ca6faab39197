// The tokenizers of the recorded small models, from tests/golden.
#pragma once

#include "frontend/text/tokenizer.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"

namespace lorikeet::test {

inline std::string golden_text(std::string_view name) {
  auto text = read_text(golden(name));
  REQUIRE(text.ok());
  return *std::move(text);
}

inline Tokenizer tokenizer_of(const std::string& json, const std::string& config) {
  auto tokenizer = Tokenizer::from_json({.tokenizer_json = json, .tokenizer_config = config});
  REQUIRE(tokenizer.ok());
  return *std::move(tokenizer);
}

// <s> in front of texts, </s> (2) as the end, no padding token: <unk> (0) stands for it.
inline Tokenizer dynmole_tokenizer() {
  return tokenizer_of(golden_text("dynmole/tokenizer.json"), golden_text("dynmole/tokenizer_config.json"));
}

// <|endoftext|> (1020) pads, <|im_end|> (1022) ends.
inline Tokenizer parrot_tokenizer() {
  return tokenizer_of(golden_text("parrot/tokenizer.json"),
                      R"({"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>"})");
}

}  // namespace lorikeet::test
