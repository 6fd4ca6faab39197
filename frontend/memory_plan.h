// What a model, also one that sees, will need, told without loading it.
#pragma once

#include "frontend/config.h"
#include "frontend/weights.h"
#include "runtime/base/device_profile.h"

namespace lorikeet {

struct MemoryPlan {
  uint64_t decoder = 0, vision = 0, experts = 0;  // weights; vision: the tower and the projector
  uint64_t cache = 0;                             // KV cache for the whole context
  uint64_t reading = 0;                           // scratch of the largest plan that reads a prompt
  uint64_t picture = 0;                           // scratch of seeing a picture
  uint64_t total() const { return decoder + vision + experts + cache + reading + picture; }
};

// Errors: those of drafting the plans.
Result<MemoryPlan> plan_memory(const DecoderConfig& config, const WeightTable& weights, int64_t context, DType kv,
                               const DeviceProfile& profile);
// From the configuration alone. `matrices`: the type that they are converted to; vectors stay f32.
Result<MemoryPlan> plan_memory(const DecoderConfig& config, DType matrices, int64_t context, DType kv,
                               const DeviceProfile& profile);

}  // namespace lorikeet
