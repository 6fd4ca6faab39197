// What a fine-tuning run is made of, with the published numbers as defaults.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontend/adapters/adapter_config.h"
#include "frontend/dataset/batch_order.h"
#include "frontend/training/prior_approximation.h"
#include "frontend/training/schedule.h"
#include "runtime/ops/ops.h"
#include "runtime/plan/kernels.h"

namespace lorikeet {

// Published (MoE-PEFT's templates for LLaMA):
//   LoRA      rank 80, alpha 160, all seven projections
//   MixLoRA   rank 16, alpha 32, all seven; 8 experts, the 2 likeliest
//   DynMoLE   rank 24, alpha 48, the feed-forward projections; 6 experts, top-p 0.75, threshold 0.9, index 1.1
//   MoLA      rank 24, alpha 48, the feed-forward projections; 6 experts, the 2 likeliest
//   LoRAMoE   as MoLA, with all experts
// and dropout 0.05 everywhere.
AdapterConfig published_adapter(AdapterKind kind);

struct RunOptions {
  AdapterConfig adapter = published_adapter(AdapterKind::dynmole);
  // Not empty: instead of an adapter, the weights of the model that these patterns name (weight_parameters.h) are
  // trained. Of the adapter then only the base's name and hash count.
  std::vector<std::string> weights;
  std::optional<RouterLesson> routers;  // of factored models: what their routers learn from
  bool distil = false;                  // of factored models, see TrainingRecipe
  bool bypass_experts = false;          // of models that see: what the projector makes goes past the visual experts
  Adamw optimiser;
  Schedule schedule;                    // its `steps` are filled in
  BatchOptions batches{.examples = 8};  // of one pass
  uint32_t accumulate = 2;              // passes a step
  uint64_t epochs = 2;
  uint64_t steps = 0;          // of the whole run; 0: as many as the epochs have
  uint64_t seed = 42;          // of the first tensors, the order of the examples and dropout
  bool count_padding = false;  // see BatchRowsOptions
  bool recompute = false;      // less memory, more time, the same bits
  bool fuse = true;
  Progress progress;  // of kernel compilation
};

}  // namespace lorikeet
