// The tensors with which the training of an adapter begins.
#pragma once

#include <cstdint>

#include "frontend/adapters/adapter_tensors.h"

namespace lorikeet {

// As published (MoE-PEFT), from numbers of our own:
//   A        uniform in [-1, 1) / sqrt(in); lora_init "gaussian": normal, deviation 1 / rank
//   B        0
//   routers  uniform in [-1, 1) sqrt(6 / ((1 + router_init_range) in)), 1 / sqrt(in) for the usual range of 5;
//            MixLoRA's: normal, deviation router_init_range
// A tensor depends on the seed and its name only. Errors: those of adapter_layout, out_of_memory.
Result<AdapterTensors> initial_adapter_tensors(const AdapterConfig& config, const AdapterBase& base, uint64_t seed);

}  // namespace lorikeet
