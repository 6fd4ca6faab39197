// The graphs of a training step: forward and backward over the rows of a batch, and the optimiser's update.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontend/adapters/adapter_writer.h"
#include "frontend/config.h"
#include "frontend/training/parameters.h"
#include "frontend/training/prior_approximation.h"
#include "frontend/weights.h"
#include "runtime/graph/graph.h"

namespace lorikeet {

// What is trained, and the losses beside the cross entropy.
struct TrainingRecipe {
  std::optional<AdapterInGraph> adapter;  // all rows use it
  std::optional<RouterLesson> routers;    // of factored models: what they learn from; the loss of words is not theirs
  // Of factored models: instead of the tokens that follow, the last state of the same rows through all experts as they
  // are in the files is what the model is to say. Only experts may be parameters.
  bool distil = false;
  bool keep_neurons = false;    // `neurons.L` (rows, intermediate) of dense layers are kept: silu(gate x) * up x
  bool bypass_experts = false;  // of models that see: the projected tokens are the visual tokens
  bool aux_loss = true;         // the adapter's own
  bool dropout = true;          // at the adapter's rate
  bool recompute = false;       // layers are computed again in the backward pass: less memory, more time
};

// Whether the cross entropy is among what is learnt from: routers of factored models alone learn from theirs.
bool learns_words(const DecoderConfig& config, const TrainingRecipe& recipe, std::span<const Parameter> parameters);

// The states that are the batch's own:
//   `control`       one slot; each row's token and position
//   `spans`         (rows, 4) u32, see span_attention
//   `target`        (rows) u32, the token that is to follow
//   `loss_weights`  (rows), of the cross entropy: its sum over the rows is the loss
//   `counted`       (rows), of the losses of routers: adds up to 1
//   `balanced`      (rows), of the balance loss: adds up to 1
//   `seed`          (3) u32, of dropout
//   `fresh`         (1) u32, 1: gradients of earlier batches are forgotten
// and those of the parameters: tensors of an adapter, or weights of the model under their names as in GGUF files (all
// visual experts of a kind together: (experts, rows, columns)). Kept: `cross_entropy` (1), `aux` (1).
// Of batches with pictures (batch_pictures.h), V visual tokens each:
//   `shown`         wanted list of the visual tokens of the conversations about pictures: token i of conversation Q is
//                   row Q * V + i of what `embed` takes for visual rows
//   `classes`       wanted list of their class tokens among these
//   `asked`         a control table of the texts that the pictures are routed by, `text_rows` rows each
//   `features`      (pictures * V, T), where the tower is frozen; otherwise
//   `pixels`, `tower.tokens`, `tower.positions`, `tower.spans`   see TowerBatch
// Each picture goes through tower and projector once, however many conversations are about it.
// Of batches of which few rows are learnt (learnt_rows.h): `learnt`, a wanted list of those, and only for them, in its
// order, `target` and `loss_weights`.
struct TrainingShape {
  int64_t rows = 0;
  int64_t learnt = 0;  // of these, see learnt_rows.h
  int64_t control_words = 0;
  int64_t pictures = 0;    // different ones
  int64_t questions = 0;   // conversations about them
  int64_t text_rows = 0;   // of such a conversation's text at most
  int64_t text_words = 0;  // of their control table
  bool gradients = true;   // false: losses only
};
// Whether weights of the vision tower are among the parameters.
bool trains_tower(const WeightTable& weights, std::span<const Parameter> parameters);
Graph build_training_pass(const DecoderConfig& config, const WeightTable& weights, const TrainingRecipe& recipe,
                          std::span<const Parameter> parameters, const TrainingShape& shape);

// Takes the gradients and makes a step. State `step` (shaders/adamw.h); kept: `squares` (1), the sum of squares of all
// gradients.
Graph build_training_update(std::span<const Parameter> parameters, const Adamw& optimiser);

}  // namespace lorikeet
