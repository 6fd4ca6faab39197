#include "frontend/adapters/adapter_routing.h"

#include <algorithm>
#include <cmath>

namespace lorikeet {
namespace {

// Of the uniform distribution over `experts`; 1 for a single one, whose entropy is 0.
double largest_entropy(const EntropySettings& entropy, uint32_t experts) {
  if (experts <= 1) return 1;
  if (entropy.type == EntropySettings::Type::renyi || entropy.index == 1) return std::log(double(experts));
  return (1 - std::pow(double(experts), 1 - entropy.index)) / (entropy.index - 1);
}

RoutingPolicy dynmole_policy(const AdapterConfig& config) {
  RoutingPolicy policy;
  policy.keep_k = std::min(config.keep_top_k, config.experts);
  policy.top_p = config.top_p;
  policy.crossing = config.variant.keep_crossing;
  policy.renormalise = config.variant.renormalise;
  const bool renyi = config.entropy.type == EntropySettings::Type::renyi;
  policy.entropy = renyi ? RoutingPolicy::Entropy::renyi : RoutingPolicy::Entropy::tsallis;
  policy.entropy_index = config.entropy.index;
  policy.entropy_eps = config.entropy.eps;
  policy.entropy_threshold = config.entropy.threshold;
  if (config.variant.raw_entropy) policy.entropy_threshold /= largest_entropy(config.entropy, config.experts);
  return policy;
}

RoutingPolicy dynamic_policy(const AdapterConfig& config) {
  RoutingPolicy policy;
  const double temperature = config.temperature > 0 ? config.temperature : 1;
  const double top_p = config.top_p * temperature;
  policy.top_p = top_p < 1 || config.temperature == 0 ? top_p : 0;  // a sum of probabilities does not exceed 1
  policy.crossing = true;
  policy.scale = 1 / temperature;
  return policy;
}

}  // namespace

RoutingPolicy routing_policy(const AdapterConfig& config) {
  switch (config.kind) {
    case AdapterKind::dynmole:
      return dynmole_policy(config);
    case AdapterKind::mixlora_dynamic:
      return dynamic_policy(config);
    case AdapterKind::mixlora:
    case AdapterKind::mola:
      return {.top_k = config.top_k, .renormalise = true};
    case AdapterKind::lora:
    case AdapterKind::loramoe:
      break;
  }
  return {};
}

RoutingPolicy observed_policy(const AdapterConfig& config) {
  RoutingPolicy policy = routing_policy(config);
  if (policy.entropy != RoutingPolicy::Entropy::none) return policy;
  policy.entropy = RoutingPolicy::Entropy::tsallis;
  policy.entropy_index = 1.1;
  policy.entropy_eps = 1e-5;
  policy.entropy_threshold = 0;  // it chooses nobody
  return policy;
}

}  // namespace lorikeet
