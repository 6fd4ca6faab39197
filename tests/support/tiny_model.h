// A llama of a few thousand random weights, written as a Hugging Face directory: for tests that need a whole model but
// not a good one.
#pragma once

#include <filesystem>
#include <string>

#include "runtime/base/result.h"

namespace lorikeet::test {

struct TinyModel {
  int layers = 2, hidden = 64, heads = 4, kv_heads = 2, intermediate = 96, vocabulary = 97;
  bool tied = true, qwen2 = false;  // qwen2: with biases of q, k and v
};

// Writes config.json and model.safetensors into a fresh folder that goes when the process ends; its path. The weights
// depend on the sizes alone.
std::filesystem::path write_tiny_model(const std::string& folder, const TinyModel& model = {});

// Adds tokenizer.json and tokenizer_config.json: one token a byte (id = byte), then 256 <|im_start|>, 257 <|im_end|>
// (which ends an answer), 258 <|endoftext|>, 259 "zq", the only merge; with a ChatML template. For models of a
// vocabulary of at least kTinyTokens.
inline constexpr int kTinyTokens = 260;
void write_tiny_tokenizer(const std::filesystem::path& path);

}  // namespace lorikeet::test
