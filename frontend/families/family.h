// A model family is a table of names and numbers. One file a family; `families()` lists them all.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lorikeet {

enum class WeightRole : uint8_t {
  token_embedding,  // (vocabulary, hidden)
  output_norm,      // (hidden)
  output,           // (vocabulary, hidden); tied models have none of their own
  attn_norm,        // (hidden); from here on one a layer
  q,                // (heads * head_dim, hidden)
  k,                // (kv_heads * head_dim, hidden)
  v,                // (kv_heads * head_dim, hidden)
  o,                // (hidden, heads * head_dim)
  q_bias,           // (heads * head_dim)
  k_bias,           // (kv_heads * head_dim)
  v_bias,           // (kv_heads * head_dim)
  o_bias,           // (hidden)
  ffn_norm,         // (hidden)
  gate,             // (intermediate, hidden)
  up,               // (intermediate, hidden)
  down,             // (hidden, intermediate)
};

// Where both kinds of checkpoint keep a weight; "#" stands for the number of the layer.
struct WeightName {
  WeightRole role;
  std::string_view gguf;
  std::string_view huggingface;
};

// A `model_type` of config.json, with what its keys mean where they are missing.
struct ModelType {
  std::string_view name;
  uint32_t context_length;
  uint32_t kv_heads;        // 0: as many as heads
  uint32_t sliding_window;  // 0: none
};

struct Family {
  std::string_view architecture;  // GGUF's general.architecture
  std::span<const ModelType> model_types;
  std::span<const WeightName> weights;
  bool permuted_qk;  // GGUF files hold the rows of q and k in interleaved rotary order
  bool qkv_bias;     // always; elsewhere only if the checkpoint says so
};

extern const Family kLlama;
extern const Family kQwen2;

std::span<const Family* const> families();
const Family* family_of_architecture(std::string_view architecture);  // null if unknown
const Family* family_of_model_type(std::string_view model_type);      // null if unknown
const ModelType* find_model_type(const Family& family, std::string_view model_type);
std::string supported_architectures();  // "llama and qwen2"
std::string supported_model_types();    // "llama, mistral and qwen2"

// The name of a weight; empty if the family has no such weight.
enum class Naming { gguf, huggingface };
std::string weight_name(const Family& family, WeightRole role, uint32_t layer, Naming naming);
bool is_layer_weight(WeightRole role);  // one a layer, not one a model

}  // namespace lorikeet
