#include "frontend/adapters/peft_keys.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace lorikeet {
namespace {

struct RefusedKey {
  const char* name;
  std::string_view why;
};
constexpr std::array kRefused = {
    RefusedKey{"use_dora", "weight-decomposed adapters (DoRA) are not supported"},
    RefusedKey{"modules_to_save", "adapters with trained copies of the base's modules are not supported"},
    RefusedKey{"fan_in_fan_out", "transposed base weights are not supported"},
    RefusedKey{"rank_pattern", "one rank for all modules is supported"},
    RefusedKey{"alpha_pattern", "one lora_alpha for all modules is supported"},
    RefusedKey{"layers_to_transform", "adapters of all layers are supported"},
    RefusedKey{"layer_replication", "repeated layers are not supported"},
    RefusedKey{"exclude_modules", "list the modules in target_modules instead"},
    RefusedKey{"target_parameters", "adapters of linear layers are supported"},
    RefusedKey{"trainable_token_indices", "trained token embeddings are not supported"},
    RefusedKey{"lora_bias", "adapters with biases are not supported"},
    RefusedKey{"use_qalora", "quantisation-aware adapters (QALoRA) are not supported"},
    RefusedKey{"alora_invocation_tokens", "adapters that a text switches on (aLoRA) are not supported"},
    RefusedKey{"arrow_config", "Arrow routing is not supported"},
    RefusedKey{"megatron_config", "adapters of Megatron layers are not supported"},
};

// They say how an adapter was made, not what it computes.
constexpr std::array kHarmless = {
    "auto_mapping", "revision",     "inference_mode", "megatron_core",  "qalora_group_size", "layers_pattern",
    "eva_config",   "loftq_config", "corda_config",   "runtime_config", "peft_version",      "ensure_weight_tying",
    "name",         "task_name",
};

// Initialisations that leave the base's weights as they are. The others put a part of them into the adapter.
constexpr std::array<std::string_view, 3> kInitialisations = {"gaussian", "eva", "orthogonal"};

bool is_neutral(const Json& value) {
  if (value.is_null() || value == false) return true;
  if (value.is_number()) return value == 0;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_structured() && value.empty();
}

Status check_initialisation(AdapterFields& fields) {
  const Json* given = fields.find("init_lora_weights");
  if (!given || given->is_boolean()) return Done{};
  const bool known = given->is_string() && std::find(kInitialisations.begin(), kInitialisations.end(),
                                                     given->get_ref<const std::string&>()) != kInitialisations.end();
  if (known) return Done{};
  return fields.refused("init_lora_weights", *given,
                        "an initialisation that changes the base's weights is not supported; save the adapter "
                        "converted to a plain one");
}

}  // namespace

Status refuse_unsupported_keys(AdapterFields& fields) {
  for (const RefusedKey& key : kRefused)
    if (const Json* given = fields.find(key.name); given && !is_neutral(*given))
      return fields.refused(key.name, *given, key.why);
  if (const Json* bias = fields.find("bias"); bias && *bias != "none")
    return fields.refused("bias", *bias, "only \"none\" is supported");
  return check_initialisation(fields);
}

Status check_unknown_keys(AdapterFields& fields, std::vector<std::string>& warnings) {
  for (const char* key : kHarmless) (void)fields.find(key);
  for (const auto& [key, value] : fields.json().items()) {
    if (fields.was_read(key) || is_neutral(value)) continue;
    const std::string shown_key = key.substr(0, 100);
    if (!value.is_number() && !value.is_string())
      return fields.refused(shown_key, value,
                            "this key is not known here, and it may change what the adapter computes");
    warnings.push_back(join(fields.place(), ": ", fields.prefix(), shown_key, " is ", AdapterFields::shown(value),
                            "; this key has no meaning here and was passed over."));
  }
  return Done{};
}

}  // namespace lorikeet
