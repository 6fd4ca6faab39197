#include "frontend/bench_training.h"

#include <cstdio>

#include "frontend/adapters/adapter_initialisation.h"
#include "frontend/measure.h"
#include "frontend/training/adapter_parameters.h"
#include "frontend/training/run_options.h"
#include "frontend/training/trainer.h"
#include "runtime/base/text.h"
#include "runtime/plan/plan.h"

namespace lorikeet {
namespace {

constexpr const char* kName = "adapter";
constexpr double kRate = 1e-4;

struct Learner {
  AdapterConfig config = published_adapter(AdapterKind::dynmole);
  AdapterTensors tensors;
  TrainerOptions options;
  Batch batch;
};

// As large as all batches of a user are; what the tokens say means nothing.
Batch batch_of(Model& model, const TrainingBench& what) {
  Batch batch;
  const auto text = sample_tokens(model, what.sequences * what.tokens);
  batch.tokens.assign(text.begin(), text.end());
  batch.trained = what.sequences * (what.tokens - 1);
  for (int64_t s = 0; s < what.sequences; ++s) {
    const int64_t first = s * what.tokens;
    batch.sequences.push_back({.example = uint32_t(s), .first = first, .rows = what.tokens, .length = what.tokens});
    for (int64_t i = 0; i < what.tokens; ++i) {
      const bool last = i + 1 == what.tokens;
      batch.positions.push_back(int32_t(i));
      batch.labels.push_back(last ? kNoLabel : batch.tokens[size_t(first + i + 1)]);
      batch.weights.push_back(last ? 0 : 1 / float(batch.trained));
      batch.attended.push_back(1);
    }
  }
  return batch;
}

// At an address of its own: the trainer's options point into it.
Result<std::unique_ptr<Learner>> learner_for(Model& model, const TrainingBench& what) {
  auto learner = std::make_unique<Learner>();
  if (what.experts == 1) learner->config.kind = AdapterKind::lora;  // on the same projections
  learner->config.experts = what.experts;
  learner->config.lora.r = what.rank;
  learner->config.lora.alpha = 2 * double(what.rank);
  LK_ASSIGN(learner->tensors, initial_adapter_tensors(learner->config, adapter_base(model.config()), 1));
  learner->options.recipe.adapter =
      AdapterInGraph{.config = &learner->config, .tensors = &learner->tensors, .name = kName};
  learner->options.parameters = adapter_parameters(learner->tensors, kName);
  learner->batch = batch_of(model, what);
  return learner;
}

}  // namespace

Result<std::vector<BenchLine>> bench_training(Model& model, const TrainingBench& what) {
  LK_ASSIGN(const std::unique_ptr<Learner> learner, learner_for(model, what));
  const double rows = double(what.sequences * what.tokens),
               forward_flops = (product_flops(model, false) + product_flops(model, true)) * rows;
  std::vector<BenchLine> lines;
  for (const bool recompute : {false, true}) {
    TrainerOptions options = learner->options;
    options.recipe.recompute = recompute;
    LK_ASSIGN(const TrainingMemory memory, Trainer::memory(model, options, {.rows = learner->batch.rows()}));
    LK_ASSIGN(Trainer trainer, Trainer::create(model, options));
    if (lines.empty()) {
      LK_ASSIGN(const double forward, fastest(what.seconds, [&]() -> Status {
                  LK_TRY(trainer.evaluate(learner->batch));
                  return Done{};
                }));
      lines.push_back(
          {join("forward pass, ", what.sequences, " x ", what.tokens, " tokens"), forward, forward_flops, 0, rows, ""});
    }
    LK_ASSIGN(const double step, fastest(what.seconds, [&]() -> Status {
                LK_TRY(trainer.step(std::span(&learner->batch, 1), kRate));
                return Done{};
              }));
    char note[128];
    std::snprintf(note, sizeof note, "%.2f forward passes, activations %.1f MB", step / lines.front().milliseconds,
                  double(memory.activation_bytes) * 1e-6);
    // Backward through a frozen product is one more of its size; recomputation is one more forward pass.
    lines.push_back(
        {recompute ? "step with recomputation" : "step", step, forward_flops * (recompute ? 3 : 2), 0, rows, note});
  }
  return lines;
}

Result<std::vector<BenchLine>> profile_training(Model& model, const TrainingBench& what) {
  LK_ASSIGN(const std::unique_ptr<Learner> learner, learner_for(model, what));
  learner->options.timestamps = true;
  LK_ASSIGN(Trainer trainer, Trainer::create(model, learner->options));
  for (int run = 0; run < 2; ++run)  // the second one is warm
    LK_TRY(trainer.step(std::span(&learner->batch, 1), kRate));
  std::vector<BenchLine> lines;
  for (const Plan* plan : trainer.plans()) add_kernel_lines(lines, plan->name(), *plan);
  return lines;
}

}  // namespace lorikeet
