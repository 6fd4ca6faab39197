// Trainer: a model's parameters in training, and the plans that make its steps: a session's twin. Belongs to one thread
// at a time. The model must outlive it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "frontend/dataset/batch.h"
#include "frontend/model.h"
#include "frontend/picture_tokens.h"
#include "frontend/training/training_graph.h"

namespace lorikeet {

struct TrainerOptions {
  TrainingRecipe recipe;
  std::vector<Parameter> parameters;  // of the recipe, with the values that training begins with; not kept
  Adamw optimiser;
  bool count_padding = false;  // see BatchRowsOptions
  uint64_t seed = 42;          // of dropout
  bool fuse = true;
  bool timestamps = false;  // the plans' timings are recorded
  Progress progress;        // of kernel compilation
  // For batches with pictures: the pixels (channels, side, side) behind the path of a sequence.
  std::function<Result<Pixels>(const std::string& path)> pixels = {};
};

struct TrainingLoss {
  double cross_entropy = 0;  // mean of the labels
  double aux = 0;            // with its coefficients
};

struct StepReport {
  TrainingLoss loss;         // mean of the batches
  double gradient_norm = 0;  // before clipping
};

struct BatchSize {
  int64_t rows = 0;
  int64_t pictures = 0;      // different ones, whose rows are among these
  int64_t questions = 0;     // conversations about them
  int64_t text_rows = 0;     // of the text of such a conversation at most
  int64_t all_pictures = 0;  // different ones of the whole run
};

struct TrainingMemory {
  uint64_t parameter_bytes = 0;  // values, gradients and moments
  uint64_t activation_bytes = 0;
  uint64_t table_bytes = 0;
  uint64_t picture_bytes = 0;  // pixels of pictures, the frozen tower at work and what it made of them
};

class Plan;

class Trainer {
 public:
  static Result<Trainer> create(Model& model, TrainerOptions options);
  // What a step over such batches needs beside the model's weights. The parameters need no values.
  static Result<TrainingMemory> memory(Model& model, const TrainerOptions& options, const BatchSize& batch);
  Trainer(Trainer&&) noexcept;
  Trainer& operator=(Trainer&&) noexcept;
  ~Trainer();

  // Gradients over all batches, whose mean loss is minimised, then one step of the optimiser at this rate.
  Result<StepReport> step(std::span<const Batch> batches, double rate);
  // Loss with the parameters as they are: nothing is learnt, no input is dropped.
  Result<TrainingLoss> evaluate(const Batch& batch);
  // What the last pass over such a batch kept under a name, see TrainingRecipe; rows behind the batch's own are
  // padding.
  Result<std::vector<float>> kept(const Batch& batch, std::string_view name) const;
  uint64_t steps() const;   // made so far
  uint64_t passes() const;  // batches learnt from so far: what dropout draws depends on their number

  // By the parameter's name and part, see ParameterMemory.
  Result<std::vector<float>> read(const std::string& state) const;
  Status write(const std::string& state, std::span<const float> values);
  void set_steps(uint64_t steps);  // when moments were written that so many steps made
  void set_passes(uint64_t passes);
  const std::vector<Parameter>& parameters() const;  // without values
  std::vector<const Plan*> plans() const;            // those made so far

 private:
  struct Impl;
  explicit Trainer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
