// The numbers of an adapter: adapter_config.json as PEFT and MoE-PEFT (DynMoLE, arXiv 2504.00661) publish it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

enum class AdapterKind : uint8_t {
  lora,             // y = base(x) + scaling * B (A x)
  dynmole,          // a router and experts a linear layer; entropy decides between all experts and some
  mixlora,          // a router a feed-forward network, whose experts are the whole network; attention has plain LoRA
  mixlora_dynamic,  // the same, chosen by top-p
  mola,             // a router and experts a linear layer, top-k
  loramoe,  // a router and experts a linear layer of the feed-forward network, all experts; attention: plain LoRA
};
std::string_view name(AdapterKind kind);  // "DynMoLE"

struct LoraSettings {
  uint32_t r = 0;  // the rank
  double alpha = 0;
  double dropout = 0;      // in training only; published code applies it in inference too, Lorikeet does not
  bool rslora = false;     // rank-stabilised: https://arxiv.org/abs/2312.03732
  double scaling() const;  // alpha / r, or alpha / sqrt(r)
};

// Where readers of DynMoLE's paper differ from its published code. The defaults are the published code; the others are
// keys of our own, in the object "lorikeet_routing".
struct RoutingVariant {
  bool keep_crossing = false;  // the expert that crosses top_p is chosen too
  bool renormalise = false;    // the weights of the chosen experts are divided by their sum
  bool raw_entropy = false;    // the threshold is compared with the entropy as it is, not divided by its largest value
};

struct EntropySettings {
  enum class Type : uint8_t { tsallis, renyi } type = Type::tsallis;
  double threshold = 0.9;  // above it all experts are chosen; 1 and more: never
  double index = 1.1;      // q of Tsallis, alpha of Renyi; 1 is Shannon's
  double eps = 1e-5;       // added to every probability
};

// What training needs and published files do not hold; read where a file has it, never written.
struct RouterTraining {
  double init_range = 5;         // MixLoRA: the deviation, 0.02; others: a^2 of Kaiming's uniform bound
  double jitter_noise = 0;       // MixLoRA: the input is multiplied by a number from 1 - noise to 1 + noise
  double aux_loss_coef = 0.001;  // of the balance loss
  double dyn_loss_coef = 0.01;   // DynMoLE: of the entropy loss
  bool loss = true;              // MoLA: false; LoRAMoE has none
};

struct AdapterConfig {
  AdapterKind kind = AdapterKind::lora;
  LoraSettings lora;
  std::optional<LoraSettings> expert_lora;  // MixLoRA: of the experts, where it differs from that of attention
  std::vector<std::string> target_modules;  // "q_proj"; also longer ends of a module's name, as in PEFT
  uint32_t experts = 1;                     // a router
  uint32_t top_k = 0;                       // MixLoRA, MoLA
  uint32_t keep_top_k = 2;                  // DynMoLE: chosen whatever top_p says
  double top_p = 1;                         // DynMoLE, mixlora-dynamic
  double temperature = 0;                   // mixlora-dynamic: divides the probabilities; 0: not
  EntropySettings entropy;                  // DynMoLE
  RoutingVariant variant;                   // DynMoLE
  std::string act_fn;                       // MixLoRA: of the experts; empty: the model's. "silu" or "swish"
  bool gaussian_init = false;               // lora_init: A is drawn from a normal distribution
  RouterTraining training;
  std::string base_model;                // base_model_name_or_path
  std::string base_sha256;               // see checkpoint_hash, empty if unknown; a key of our own
  std::optional<std::string> task_type;  // "CAUSAL_LM"
  std::vector<std::string> warnings;     // sentences for the user: keys that are not known here

  // FOLDER/adapter_config.json. Errors: not_found, corrupt, unsupported; a sentence with the key, what was expected and
  // what was given.
  static Result<AdapterConfig> open(const std::filesystem::path& folder);
  // The kind is that of peft_type, else of routing_strategy, else plain LoRA. `file` begins the messages.
  static Result<AdapterConfig> parse(std::string_view text, const std::string& file);

  // adapter_config.json with the published keys in the published order, then the keys of our own that are not at their
  // defaults (lorikeet_routing, lorikeet_base_sha256).
  std::string text() const;

  const LoraSettings& settings_of_experts() const { return expert_lora ? *expert_lora : lora; }
  bool is_mixlora() const { return kind == AdapterKind::mixlora || kind == AdapterKind::mixlora_dynamic; }
};

}  // namespace lorikeet
