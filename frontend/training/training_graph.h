// The graphs of a training step: forward and backward over the rows of a batch, and the optimiser's update.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "frontend/adapters/adapter_writer.h"
#include "frontend/config.h"
#include "frontend/training/parameters.h"
#include "frontend/weights.h"
#include "runtime/graph/graph.h"

namespace lorikeet {

// What is trained, and the losses beside the cross entropy.
struct TrainingRecipe {
  std::optional<AdapterInGraph> adapter;  // all rows use it
  std::set<std::string> weights;          // of the model, by their names as in GGUF files
  bool aux_loss = true;                   // the adapter's own
  bool dropout = true;                    // at the adapter's rate
};

// The states that are the batch's own:
//   `control`       one slot; each row's token and position
//   `spans`         (rows, 4) u32, see span_attention
//   `target`        (rows) u32, the token that is to follow
//   `loss_weights`  (rows), of the cross entropy: its sum over the rows is the loss
//   `counted`       (rows), of the entropy loss: adds up to 1
//   `balanced`      (rows), of the balance loss: adds up to 1
//   `seed`          (3) u32, of dropout
//   `fresh`         (1) u32, 1: gradients of earlier batches are forgotten
// and those of the parameters. Kept: `cross_entropy` (1), `aux` (1). Without parameters there are losses only.
struct TrainingShape {
  int64_t rows = 0;
  int64_t control_words = 0;
};
Graph build_training_pass(const DecoderConfig& config, const WeightTable& weights, const TrainingRecipe& recipe,
                          std::span<const Parameter> parameters, const TrainingShape& shape);

// Takes the gradients and makes a step. State `step` (shaders/adamw.h); kept: `squares` (1), the sum of squares of all
// gradients.
Graph build_training_update(std::span<const Parameter> parameters, const Adamw& optimiser);

}  // namespace lorikeet
