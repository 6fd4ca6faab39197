#include <cmath>
#include <nlohmann/json.hpp>

#include "frontend/adapters/adapter_config.h"
#include "frontend/adapters/adapter_kinds.h"

namespace lorikeet {
namespace {

using OrderedJson = nlohmann::ordered_json;  // keys in the order in which they are set

// Published files hold a whole number; PEFT allows others.
OrderedJson alpha_of(const LoraSettings& lora) {
  if (lora.alpha == std::floor(lora.alpha)) return uint64_t(lora.alpha);
  return lora.alpha;
}

OrderedJson expert_lora(const LoraSettings& lora) {
  OrderedJson json;
  if (lora.rslora) json["use_rslora"] = true;
  json["bias"] = "none";
  json["r"] = lora.r;
  json["lora_alpha"] = alpha_of(lora);
  json["lora_dropout"] = lora.dropout;
  return json;
}

void put_routing(OrderedJson& json, const AdapterConfig& config) {
  json["routing_strategy"] = facts(config.kind).routing_strategy;
  json["num_experts"] = config.experts;
  if (!config.act_fn.empty()) json["act_fn"] = config.act_fn;
  if (config.kind == AdapterKind::dynmole) {
    const bool renyi = config.entropy.type == EntropySettings::Type::renyi;
    json["entropy_threshold"] = config.entropy.threshold;
    json["entropy_index"] = config.entropy.index;
    json["entropy_type"] = renyi ? "renyi" : "tsallis";
    json["entropy_eps"] = config.entropy.eps;
    json["keep_top_k"] = config.keep_top_k;
    json["top_p"] = config.top_p;
  } else if (config.kind == AdapterKind::mixlora_dynamic) {
    json["top_p"] = config.top_p;
    json["temperature"] = config.temperature;
  } else if (config.kind != AdapterKind::loramoe) {
    json["top_k"] = config.top_k;
  }
}

void put_own_keys(OrderedJson& json, const AdapterConfig& config) {
  const RoutingVariant& variant = config.variant;
  if (variant.keep_crossing || variant.renormalise || variant.raw_entropy)
    json["lorikeet_routing"] = {{"keep_crossing", variant.keep_crossing},
                                {"renormalise", variant.renormalise},
                                {"raw_entropy", variant.raw_entropy}};
  if (!config.base_sha256.empty()) json["lorikeet_base_sha256"] = config.base_sha256;
}

}  // namespace

std::string AdapterConfig::text() const {
  OrderedJson json;
  if (lora.rslora) json["use_rslora"] = true;
  json["bias"] = "none";
  json["peft_type"] = facts(kind).peft_type;
  json["r"] = lora.r;
  json["lora_alpha"] = alpha_of(lora);
  json["lora_dropout"] = lora.dropout;
  json["target_modules"] = target_modules;
  if (expert_lora) json["expert_lora"] = lorikeet::expert_lora(*expert_lora);
  if (kind != AdapterKind::lora) put_routing(json, *this);
  json["base_model_name_or_path"] = base_model;
  json["task_type"] = task_type ? OrderedJson(*task_type) : OrderedJson(nullptr);
  put_own_keys(json, *this);
  return json.dump(4, ' ', true, OrderedJson::error_handler_t::replace);
}

}  // namespace lorikeet
