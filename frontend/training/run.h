// TrainingRun: the fine-tuning of an adapter, or of weights of the model itself, on one dataset: the order of the
// batches, the rate, the steps. After a stop it goes on from a checkpoint with the numbers that it would have had. The
// model must outlive it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "frontend/adapters/adapter.h"
#include "frontend/dataset/dataset.h"
#include "frontend/model.h"
#include "frontend/training/loss_curve.h"
#include "frontend/training/run_options.h"
#include "frontend/training/trainer.h"

namespace lorikeet {

struct RunMemory {
  uint64_t weight_bytes = 0;  // of the base
  TrainingMemory training;
  int64_t rows = 0;        // of the largest batch, with its pictures
  int64_t pictures = 0;    // different ones of it
  uint64_t numbers = 0;    // trained
  uint64_t available = 0;  // on the device now, before any of this is there
  uint64_t total() const {
    return weight_bytes + training.parameter_bytes + training.activation_bytes + training.table_bytes +
           training.picture_bytes;
  }
};

struct RunStep {
  LossPoint point;
  uint64_t steps = 0;       // of the whole run
  double seconds_left = 0;  // at the pace of the last steps
};

class TrainingRun {
 public:
  // What it will need, from a model that was opened or loaded. Errors: out_of_memory, with the parts, if that is more
  // than the device has left; those of the options.
  static Result<RunMemory> memory(Model& model, const Dataset& dataset, const RunOptions& options);
  static Status check_memory(const RunMemory& memory);
  // Errors: invalid_argument for options that make no sense.
  static Result<TrainingRun> create(Model& model, Dataset dataset, RunOptions options);
  TrainingRun(TrainingRun&&) noexcept;
  TrainingRun& operator=(TrainingRun&&) noexcept;
  ~TrainingRun();

  uint64_t step_count() const;  // made
  uint64_t steps() const;       // of the whole run
  bool done() const { return step_count() >= steps(); }

  // The next step. A loss or gradient that is not finite is an error, with the step and the first tensor whose gradient
  // is none; from then on the run cannot be saved.
  Result<RunStep> step();
  // Mean loss of the labels of all examples, dropout off.
  Result<TrainingLoss> evaluate(const Dataset& dataset);

  Status save(const std::filesystem::path& file) const;
  // After a lost device or a failed allocation: everything on the device again, as it was before the first step.
  Status restart();
  // After a lost device too. Sentences on what has changed since: options, data, the device.
  Result<std::vector<std::string>> resume(const std::filesystem::path& file);
  // The adapter as it is now. Errors: invalid_argument for a run that trains weights.
  Result<AdapterTensors> tensors() const;
  // Writes what was trained into a run's folder: the adapter's files there, or the model with its trained weights (see
  // rewrite_checkpoint) as `result`. Errors: io.
  Status write(const std::filesystem::path& folder) const;
  std::filesystem::path result(const std::filesystem::path& folder) const;  // what -m or --adapter takes
  const RunOptions& options() const;
  Trainer& trainer();

 private:
  struct Impl;
  explicit TrainingRun(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
