// The numbers of a decoder, read from GGUF metadata or from config.json: the same for both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/factor_config.h"
#include "frontend/families/family.h"
#include "frontend/picture_config.h"
#include "frontend/rope_config.h"

namespace lorikeet {

struct DecoderConfig {
  const Family* family = nullptr;  // never null in a config that `from` returned
  std::string model_type;          // "llama", "mistral", "qwen2"
  uint32_t layers = 0;
  uint32_t hidden = 0;
  uint32_t heads = 0;
  uint32_t kv_heads = 0;
  uint32_t head_dim = 0;
  uint32_t intermediate = 0;
  uint32_t vocabulary = 0;      // rows of the embedding
  uint32_t context_length = 0;  // the longest the model is made for
  float rms_eps = 0;
  RopeConfig rope;
  bool qkv_bias = false;
  bool o_bias = false;
  bool tied_embeddings = false;   // the head is the embedding
  std::vector<uint32_t> windows;  // a layer: how many positions a row sees, its own included; 0: all before it
  std::optional<uint32_t> bos_id;
  std::vector<uint32_t> eos_ids;         // any of them ends an answer; the first is the tokenizer's own
  std::optional<PictureConfig> picture;  // how the model sees, if it does
  std::optional<FactorConfig> factor;    // how its feed-forward layers are cut into experts, if they are

  // Errors: unsupported (an unknown architecture, experts, a quantised directory, ...), corrupt, not_found.
  static Result<DecoderConfig> from(const Checkpoint& checkpoint);
};

}  // namespace lorikeet
