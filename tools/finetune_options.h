// The options of `lorikeet finetune` and the run that they ask for.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "frontend/config.h"
#include "frontend/dataset/dataset.h"
#include "frontend/training/run_options.h"

namespace lorikeet::tool {

struct FinetuneOptions {
  std::string method = "dynmole", schedule = "constant", prompt = "moe_peft", labels = "standard", optimiser = "adamw";
  // Those that depend on the method where they are not given.
  std::optional<uint32_t> rank, experts, top_k;
  std::optional<double> alpha, top_p;
  double dropout = 0.05, threshold = 0.9, entropy_index = 1.1;
  std::string entropy_type = "tsallis";
  std::vector<std::string> targets, train;
  bool rslora = false, no_experts = false;
  double clip = 0;
  std::optional<double> rate, weight_decay;
  uint64_t warmup = 0, epochs = 2, steps = 0, seed = 42;
  uint32_t batch = 8, accumulate = 2;
  int64_t max_tokens = 512;
  bool answers_only = false, packed = false, in_order = false, recompute = false, skip_bad = false;

  void add(CLI::App& command);
  // Throws CLI::ValidationError for options that contradict each other.
  void check() const;
  bool trains_weights() const { return method == "full"; }
  RunOptions run(const std::string& base_model) const;
  DatasetOptions dataset(const DecoderConfig& config) const;
};

}  // namespace lorikeet::tool
