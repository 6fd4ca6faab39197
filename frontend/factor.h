// A dense llama or qwen2 model as a factored one: its feed-forward layers are cut into experts, nothing else changes.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "frontend/convert.h"
#include "frontend/factor_config.h"

namespace lorikeet {

struct FactorOptions {
  uint32_t experts = 4;  // n; must divide the intermediate size
  uint32_t active = 2;   // k, 1 to n
  FactorScale output_scale = FactorScale::n_div_k;
  FactorSplit split = FactorSplit::contiguous;
  uint64_t seed = 0;  // of the permutation and of the routers
  // Which rows, (intermediate) for all layers or (layers, intermediate). Of a permutation, empty: drawn from the seed,
  // an order for each layer. Of clusters: see clustered_order.
  std::vector<uint32_t> order;
  std::vector<uint32_t> whole_layers;  // see FactorConfig
  // Of the matrices; none: as they are. The downs are cut along columns: where an expert's width is no whole number of
  // blocks, or the columns change places, they are quantised again, which the report says.
  std::optional<DType> type;
  bool dry_run = false;
  unsigned threads = 0;                                         // 0: all of the machine
  std::function<bool(uint64_t done, uint64_t total)> progress;  // see ConvertOptions
};

// Whether the model can be cut so; errors as below.
Status check_factor_options(const Checkpoint& source, const FactorOptions& options);

// What such a cut says of itself in the file, the order of the rows among it; a cut by clusters needs options.order.
Result<FactorConfig> factor_config(const DecoderConfig& config, const FactorOptions& options);

// Writes a GGUF file with routers that have not learnt: weights N(0, 0.02), biases 0, as published. Errors: as convert;
// invalid_argument (numbers that do not fit the model), unsupported (a model that sees, or is factored already).
Result<ConvertReport> factor(const Checkpoint& source, const std::filesystem::path& out, const FactorOptions& options);

}  // namespace lorikeet
