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
  // Of factored models, in place of gate, up and down: a router and the slices of the intermediate rows (FactorLLM).
  slice_router,       // (experts, hidden)
  slice_router_bias,  // (experts)
  slice_gate,         // (intermediate / experts, hidden); from here on one an expert of a layer
  slice_up,           // (intermediate / experts, hidden)
  slice_down,         // (hidden, intermediate / experts)

  // Of models that see. The tower is CLIP's vision transformer; T stands for its hidden size.
  tower_class,          // (T)
  tower_patch,          // (T, 3, patch, patch)
  tower_position,       // (positions, T)
  tower_pre_norm,       // (T)
  tower_pre_norm_bias,  // (T)
  tower_norm1,          // (T); from here on one a layer of the tower
  tower_norm1_bias,     // (T)
  tower_q,              // (T, T)
  tower_q_bias,         // (T)
  tower_k,              // (T, T)
  tower_k_bias,         // (T)
  tower_v,              // (T, T)
  tower_v_bias,         // (T)
  tower_o,              // (T, T)
  tower_o_bias,         // (T)
  tower_norm2,          // (T)
  tower_norm2_bias,     // (T)
  tower_up,             // (tower intermediate, T)
  tower_up_bias,        // (tower intermediate)
  tower_down,           // (T, tower intermediate)
  tower_down_bias,      // (T)
  project_in,           // (hidden, T); one a model
  project_in_bias,      // (hidden)
  project_out,          // (hidden, hidden)
  project_out_bias,     // (hidden)
  router,               // (experts, hidden)
  expert_gate,          // (expert intermediate, hidden); from here on one an expert
  expert_up,            // (expert intermediate, hidden)
  expert_down,          // (hidden, expert intermediate)
};

// Where both kinds of checkpoint keep a weight; "#" stands for the number of the layer, "@" for that of the expert.
// GGUF files stack the experts in one tensor (experts, rows, columns), whose name has no number of an expert.
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
  bool permuted_qk;           // GGUF files hold the rows of q and k in interleaved rotary order
  bool qkv_bias;              // always; elsewhere only if the checkpoint says so
  bool late_windows = false;  // sliding windows only if use_sliding_window says so, from max_window_layers on
  bool sees = false;          // pictures: has a vision tower, a projector and visual experts
};

extern const Family kLlama;
extern const Family kQwen2;
extern const Family kParrot;

std::span<const Family* const> families();
const Family* family_of_architecture(std::string_view architecture);  // null if unknown
const Family* family_of_model_type(std::string_view model_type);      // null if unknown
const ModelType* find_model_type(const Family& family, std::string_view model_type);
std::string supported_architectures();  // "llama and qwen2"
std::string supported_model_types();    // "llama, mistral and qwen2"

// The name of a weight; empty if the family has no such weight.
enum class Naming { gguf, huggingface };
std::string weight_name(const Family& family, WeightRole role, uint32_t layer, Naming naming, uint32_t expert = 0);
bool is_layer_weight(WeightRole role);   // one a layer of the decoder
bool is_tower_weight(WeightRole role);   // one a layer of the vision tower
bool is_of_tower(WeightRole role);       // of the vision tower, in its layers or before them
bool is_expert_weight(WeightRole role);  // one an expert, of a layer or of the model

}  // namespace lorikeet
