// How the feed-forward layers of a dense model are cut into experts (FactorLLM): each expert is a slice of the
// intermediate rows, and a linear router with a bias chooses some of them for every row.
//   y = scale * sum over the k experts of the highest scores of E_e(x)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/checkpoint/checkpoint.h"
#include "runtime/base/result.h"

namespace lorikeet {

struct DecoderConfig;
class GgufHeader;

// Which intermediate rows make an expert: neighbours, those of a given order, or those that a clustering put together.
enum class FactorSplit { contiguous, permutation, clustered };

// What stands in for the experts that are not chosen: n div k, as published, or n / k, for experts that are all alike;
// 1 where the chosen ones have most of what there is.
enum class FactorScale { n_div_k, exact, one };

struct FactorConfig {
  uint32_t experts = 0;  // n, of each layer
  uint32_t active = 0;   // k, where nobody asks for another number
  FactorScale output_scale = FactorScale::n_div_k;
  FactorSplit split = FactorSplit::contiguous;
  // (layers, intermediate): row order[l * intermediate + i] of the dense layer l is row i of the experts one after the
  // other. Empty for a contiguous split, and where the file does not tell.
  std::vector<uint32_t> order;
  // Layers that go through all their experts, whatever k is: those that lose the most by leaving some out. Ascending.
  std::vector<uint32_t> whole_layers;

  // Experts that a row goes through in a layer, where `asked` are wanted; 0: as the files say.
  uint32_t active_in(uint32_t layer, uint32_t asked) const;
  // The part of all experts of all layers that is chosen then for a row, or for that many at most.
  double share(uint32_t layers, uint32_t asked, int64_t rows = 1) const;

  double scale(uint32_t chosen) const {
    if (output_scale == FactorScale::one) return 1;
    return output_scale == FactorScale::exact ? double(experts) / chosen : double(experts / chosen);
  }
};

std::string_view name(FactorSplit split);  // "contiguous", "permutation", "clustered"
std::string_view name(FactorScale scale);  // "n_div_k", "exact", "one"
std::optional<FactorScale> factor_scale_from_name(std::string_view name);

// Whether the numbers fit the decoder's; `file` begins the messages. Errors: corrupt.
Status check_factor(const FactorConfig& factor, const DecoderConfig& config, const std::string& file);

// Of a Hugging Face directory whose tensors include experts: their number comes from the shapes; k is n div 2, as
// published, unless factor.json says otherwise (num_experts, top_k, output_scale: n_div_k, exact or one, split, index:
// one list a layer, whole_layers). Nothing if there are no experts. Errors: corrupt.
Status read_factor(const Checkpoint& directory, DecoderConfig& config);

// The same as keys of a GGUF file, see docs/files.md.
void set_factor(GgufHeader& header, const FactorConfig& factor);
Status read_factor(const GgufMetadata& metadata, const std::string& file, DecoderConfig& config);

}  // namespace lorikeet
