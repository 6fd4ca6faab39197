#include "frontend/adapters/adapter_summary.h"

#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

std::string entropy_text(const AdapterConfig& config) {
  const EntropySettings& entropy = config.entropy;
  const bool renyi = entropy.type == EntropySettings::Type::renyi;
  return join(config.variant.raw_entropy ? "" : "normalised ", renyi ? "Renyi" : "Tsallis", " entropy (index ",
              entropy.index, ", eps ", entropy.eps, ")");
}

std::string dynmole_text(const AdapterConfig& config) {
  std::string text =
      join("the ", config.keep_top_k, " likeliest experts of a row and those within top-p ", config.top_p);
  if (config.variant.keep_crossing) text += " with the one that crosses it";
  if (config.variant.renormalise) text += ", their weights add up to 1";
  if (config.entropy.threshold >= 1 && !config.variant.raw_entropy) return text;
  return text + join("; all of them where the ", entropy_text(config), " is above ", config.entropy.threshold);
}

std::string lora_text(const LoraSettings& lora) {
  return join("rank ", lora.r, ", alpha ", lora.alpha, ", scaling ", lora.scaling(), lora.rslora ? " (rsLoRA)" : "");
}

nlohmann::ordered_json lora_json(const LoraSettings& lora) {
  return {{"rank", lora.r}, {"alpha", lora.alpha}, {"scaling", lora.scaling()}, {"rslora", lora.rslora}};
}

std::string list_text(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// The linear layers of one projection.
struct Projection {
  std::string module;
  size_t layers = 0;
  const AdapterLinear* one = nullptr;
  const AdapterRouter* router = nullptr;
};

std::vector<Projection> projections(const AdapterTensors& tensors) {
  std::vector<Projection> all;
  const auto entry = [&](const std::string& module) -> Projection& {
    for (Projection& projection : all)
      if (projection.module == module) return projection;
    return all.emplace_back(Projection{.module = module});
  };
  for (const AdapterRouter& router : tensors.routers) {
    if (router.module != "mlp") continue;  // the others are told with their linear layer
    Projection& projection = entry(router.module);
    ++projection.layers;
    projection.router = &router;
  }
  for (const AdapterLinear& linear : tensors.linears) {
    Projection& projection = entry(linear.module);
    ++projection.layers;
    projection.one = &linear;
    if (linear.router && tensors.routers[*linear.router].module == linear.module)
      projection.router = &tensors.routers[*linear.router];
  }
  return all;
}

size_t tensor_count(const AdapterConfig& config, const AdapterTensors& tensors) {
  return adapter_slots(tensors, config.kind).size();
}

}  // namespace

std::string policy_text(const AdapterConfig& config) {
  switch (config.kind) {
    case AdapterKind::lora:
      return "";
    case AdapterKind::dynmole:
      return dynmole_text(config);
    case AdapterKind::mixlora:
    case AdapterKind::mola:
      return join("the ", config.top_k, " likeliest experts of a row, their weights add up to 1");
    case AdapterKind::mixlora_dynamic:
      return join("the likeliest experts of a row within top-p ", config.top_p, " and the one that crosses it",
                  config.temperature > 0 ? join(", weights divided by ", config.temperature) : "");
    case AdapterKind::loramoe:
      return "all experts";
  }
  return "";
}

std::string config_summary(const AdapterConfig& config) {
  std::string text = join("kind: ", name(config.kind), "\n");
  if (config.is_mixlora() && config.expert_lora)
    text += join("attention: ", lora_text(config.lora), "\nexperts: ", config.experts, ", each ",
                 lora_text(*config.expert_lora), "\n");
  else if (config.kind != AdapterKind::lora)
    text += join("experts: ", config.experts, ", each ", lora_text(config.lora), "\n");
  else text += join("lora: ", lora_text(config.lora), "\n");
  if (const std::string policy = policy_text(config); !policy.empty()) text += join("policy: ", policy, "\n");
  text += join("targets: ", list_text(config.target_modules), "\n");
  if (!config.base_model.empty()) text += join("made for: ", config.base_model.substr(0, 200), "\n");
  return text;
}

nlohmann::ordered_json config_json(const AdapterConfig& config) {
  nlohmann::ordered_json json = {{"kind", name(config.kind)}};
  json.update(lora_json(config.lora));
  if (config.expert_lora) json["expert_lora"] = lora_json(*config.expert_lora);
  json["experts"] = config.experts;
  json["policy"] = policy_text(config);
  json["targets"] = config.target_modules;
  json["base_model"] = config.base_model;
  return json;
}

std::string tensor_summary(const AdapterConfig& config, const AdapterTensors& tensors) {
  std::string text =
      join("tensors: ", tensor_count(config, tensors), ", ", tensors.routers.size(), " of them routers\n");
  for (const Projection& p : projections(tensors)) {
    text += join("  ", p.module, " in ", p.layers, p.layers == 1 ? " layer" : " layers");
    if (p.router) text += join(": router (", p.router->experts, ", ", p.router->in, ")");
    if (p.one)
      text += join(p.router ? ", " : ": ", p.one->experts, p.one->experts == 1 ? " expert" : " experts", " of A (",
                   p.one->rank, ", ", p.one->in, ") and B (", p.one->out, ", ", p.one->rank, ")");
    text += "\n";
  }
  return text;
}

nlohmann::ordered_json tensor_json(const AdapterConfig& config, const AdapterTensors& tensors) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Projection& p : projections(tensors)) {
    nlohmann::ordered_json one = {{"module", p.module}, {"layers", p.layers}};
    if (p.router) one["router"] = {p.router->experts, p.router->in};
    if (p.one) {
      one["experts"] = p.one->experts;
      one["a"] = {p.one->rank, p.one->in};
      one["b"] = {p.one->out, p.one->rank};
    }
    list.push_back(std::move(one));
  }
  return {
      {"tensors", tensor_count(config, tensors)}, {"routers", tensors.routers.size()}, {"modules", std::move(list)}};
}

}  // namespace lorikeet
