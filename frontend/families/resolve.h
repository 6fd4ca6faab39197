// Finds a family's weights in a checkpoint and checks their shapes against the config.
#pragma once

#include <cstdint>
#include <vector>

#include "frontend/config.h"

namespace lorikeet {

// A weight where it lies. Inside Lorikeet q and k are in Hugging Face order (a head's first halves, then its second
// halves); a llama GGUF has them interleaved, so its rows are read in the order that `file_row` gives.
struct WeightRef {
  const TensorInfo* tensor = nullptr;  // of the checkpoint
  WeightRole role = WeightRole::token_embedding;
  uint32_t permuted_head_dim = 0;  // 0: the rows lie in order
  uint64_t first_row = 0;          // of the tensor: an expert of a stack begins further on

  bool permuted() const { return permuted_head_dim != 0; }
  // The row of the file that holds row `row` of the weight. For a bias a row is one element.
  uint64_t file_row(uint64_t row) const {
    if (!permuted()) return row;
    const uint64_t head = row / permuted_head_dim, within = row % permuted_head_dim, half = permuted_head_dim / 2;
    return head * permuted_head_dim + 2 * (within % half) + within / half;
  }
};

// `layer` and `expert` are ignored for weights that a model has once. The output of a tied model is its embedding.
// Errors: not_found (missing) or corrupt (another shape), naming the tensor, the expected and the given shape.
Result<WeightRef> resolve(const Checkpoint& checkpoint, const DecoderConfig& config, uint32_t layer, WeightRole role,
                          uint32_t expert = 0);

bool has_role(const DecoderConfig& config, WeightRole role);     // false for biases it lacks, and for eyes
uint32_t repeats(const DecoderConfig& config, WeightRole role);  // how many layers have such a weight
uint32_t experts(const DecoderConfig& config, WeightRole role);  // and each of them for how many experts; else 1
std::vector<uint64_t> expected_shape(const DecoderConfig& config, WeightRole role);  // (rows, columns) or (elements)
Status check_weights(const Checkpoint& checkpoint, const DecoderConfig& config);     // resolves every weight once

}  // namespace lorikeet
