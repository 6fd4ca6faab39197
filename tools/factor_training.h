// The part of `lorikeet factor` that needs a text: which neurons fire together, and the stages of training.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "frontend/factor_clusters.h"
#include "frontend/training/factor_stage.h"
#include "tools/model_options.h"

namespace lorikeet::tool {

struct FactorTraining {
  DeviceOptions device;
  std::string data, stage, view = "own", optimiser = "adam";
  uint64_t tokens = 50000;  // that each stage learns from
  uint32_t batch = 4;
  int64_t max_tokens = 256;
  double rate = 0;  // 0: the stage's own
  uint64_t warmup = 0, save_every = 50, seed = 0;
  double floor = 0;
  bool resume = false, recompute = false, distil = false;

  void add(CLI::App& command);
  std::vector<FactorStage> stages() const;  // none: nothing is trained
  // Of the dense model in a file. `experts`: how many of them a layer is cut into.
  Result<std::vector<uint32_t>> clusters(const std::string& model, uint32_t experts) const;
  // Trains the factored model in a file stage by stage, in a folder of its own for each, below `work`. Returns the file
  // of the last one's result.
  Result<std::filesystem::path> train(std::filesystem::path model, const std::filesystem::path& work) const;

 private:
  RunOptions options(FactorStage stage) const;
  DatasetOptions dataset(const DecoderConfig& config) const;
};

}  // namespace lorikeet::tool
