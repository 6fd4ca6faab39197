// What an adapter is, for people and programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "frontend/adapters/adapter_config.h"
#include "frontend/adapters/adapter_tensors.h"

namespace lorikeet {

// "the 2 likeliest experts of a row, their weights add up to 1"; empty without routers.
std::string policy_text(const AdapterConfig& config);

// Lines of what adapter_config.json says: kind, rank, alpha, scaling, experts, policy, targets, base.
std::string config_summary(const AdapterConfig& config);
nlohmann::ordered_json config_json(const AdapterConfig& config);

// Lines of what the tensors are: their number, a line for each projection with its layers and shapes.
std::string tensor_summary(const AdapterConfig& config, const AdapterTensors& tensors);
nlohmann::ordered_json tensor_json(const AdapterConfig& config, const AdapterTensors& tensors);

}  // namespace lorikeet
