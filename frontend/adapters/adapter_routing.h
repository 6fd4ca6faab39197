// How an adapter's routers choose, as data for the op `route`.
#pragma once

#include "frontend/adapters/adapter_config.h"
#include "runtime/ops/ops.h"

namespace lorikeet {

// Of every router of the adapter; scores are x router^T. A plain LoRA has no router: all of its one expert, weight 1.
//   DynMoLE          the keep_top_k likeliest and those within top_p, weights p; above the threshold all experts
//   MixLoRA, MoLA    the top_k likeliest, weights p divided by their sum
//   mixlora-dynamic  those within top_p and the one that crosses it, weights p / temperature
//   LoRAMoE          all experts, weights p
// Published code divides by the temperature before it sums up: the sum of p is held against top_p * temperature.
// A raw entropy above a threshold is a normalised one above threshold / largest entropy: so it is expressed, and what
// the op reports stays normalised.
RoutingPolicy routing_policy(const AdapterConfig& config);
// The same choices, with an entropy to report: that of the policy, or where it has none Tsallis's with index 1.1 and
// eps 1e-5, which the published evaluation reports.
RoutingPolicy observed_policy(const AdapterConfig& config);

}  // namespace lorikeet
