#include "frontend/factor_config.h"

#include <algorithm>

#include "frontend/config.h"
#include "runtime/base/text.h"

namespace lorikeet {

std::string_view name(FactorSplit split) {
  return split == FactorSplit::contiguous    ? "contiguous"
         : split == FactorSplit::permutation ? "permutation"
                                             : "clustered";
}

std::string_view name(FactorScale scale) {
  return scale == FactorScale::n_div_k ? "n_div_k" : scale == FactorScale::exact ? "exact" : "one";
}

std::optional<FactorScale> factor_scale_from_name(std::string_view text) {
  for (const FactorScale scale : {FactorScale::n_div_k, FactorScale::exact, FactorScale::one})
    if (name(scale) == text) return scale;
  return std::nullopt;
}

namespace {

Status check_order(const FactorConfig& factor, const DecoderConfig& config, const std::string& file) {
  const size_t rows = config.intermediate;
  if (factor.order.size() != rows * config.layers)
    return corrupt(join(file, ": the order of the split has ", factor.order.size(), " entries, ", config.layers,
                        " layers of ", rows, " rows were expected."));
  for (size_t layer = 0; layer < config.layers; ++layer) {
    std::vector<bool> seen(rows);
    for (const uint32_t row : std::span(factor.order).subspan(layer * rows, rows)) {
      if (row >= rows || seen[row])
        return corrupt(join(file, ": the order of the split in layer ", layer, " must name each of the ", rows,
                            " rows once, ", row, row >= rows ? " is none of them." : " occurs twice."));
      seen[row] = true;
    }
  }
  return Done{};
}

}  // namespace

uint32_t FactorConfig::active_in(uint32_t layer, uint32_t asked) const {
  if (std::binary_search(whole_layers.begin(), whole_layers.end(), layer)) return experts;
  return asked > 0 ? asked : active;
}

double FactorConfig::share(uint32_t layers, uint32_t asked, int64_t rows) const {
  double sum = 0;
  for (uint32_t layer = 0; layer < layers; ++layer)
    sum += std::min(1.0, double(rows) * active_in(layer, asked) / experts);
  return sum / layers;
}

Status check_factor(const FactorConfig& factor, const DecoderConfig& config, const std::string& file) {
  if (factor.experts == 0 || config.intermediate % factor.experts != 0)
    return corrupt(
        join(file, ": ", factor.experts, " experts cannot share ", config.intermediate, " intermediate rows equally."));
  if (factor.active == 0 || factor.active > factor.experts)
    return corrupt(join(file, ": ", factor.active, " active experts were given, expected 1 to ", factor.experts,
                        " (the number of experts)."));
  for (size_t i = 0; i < factor.whole_layers.size(); ++i) {
    const uint32_t layer = factor.whole_layers[i];
    if (layer >= config.layers || (i > 0 && layer <= factor.whole_layers[i - 1]))
      return corrupt(join(file, ": the layers of all experts must be numbers from 0 to ", config.layers - 1,
                          ", ascending; ", layer, " was given."));
  }
  return factor.order.empty() ? Status(Done{}) : check_order(factor, config, file);
}

}  // namespace lorikeet
