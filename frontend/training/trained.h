// Internal. What a run trains, and the files that it becomes: an adapter on a model, or weights of the model itself.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "frontend/model.h"
#include "frontend/training/run_options.h"
#include "frontend/training/training_graph.h"

namespace lorikeet {

// A tensor as files name it, and where its values lie in a parameter's.
struct TrainedTensor {
  std::string name, parameter;
  size_t first = 0, elements = 0;
};

class Trained {
 public:
  // Reads a state of a parameter, see Trainer::read.
  using Read = std::function<Result<std::vector<float>>(const std::string& state)>;

  virtual ~Trained() = default;
  virtual TrainingRecipe recipe() const = 0;                     // points into this object
  virtual const std::vector<Parameter>& parameters() const = 0;  // without values
  // With those with which training begins. Errors: those of the files; out_of_memory.
  virtual Result<std::vector<Parameter>> initial() const = 0;
  virtual std::vector<TrainedTensor> tensors() const = 0;
  // Where the result goes in a run's folder, and writing it there: whole, or what was there stays.
  virtual std::filesystem::path place(const std::filesystem::path& folder) const = 0;
  virtual Status write(const std::filesystem::path& folder, const Read& read) const = 0;
};

// As the options say. The model and the options must outlive it. Errors: those of the adapter or the patterns.
Result<std::unique_ptr<Trained>> trained_by(const Model& model, const RunOptions& options);

// The names of files that it leaves in a run's folder, in the order in which they take their places.
inline constexpr const char* kTrainedAdapterFiles[] = {"adapter_model.safetensors", "adapter_model.bin",
                                                       "adapter_config.json"};
inline constexpr const char* kTrainedAdapterStaging = "adapter.new";

}  // namespace lorikeet
