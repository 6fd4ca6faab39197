// Rotary position embedding: every scaling method becomes one vector of frequencies and one factor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

enum class RopeScaling {
  none,
  linear,  // positions are divided by `factor`
  llama3,  // Llama 3.1: long wavelengths are divided by `factor`, short ones kept, the ones between blended
  yarn,    // Peng et al. 2023, https://arxiv.org/abs/2309.00071
  given,   // each frequency is divided by its own factor from a file
};

struct RopeConfig {
  double theta = 10000;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1;
  uint32_t original_context = 0;           // llama3, yarn: what the model was first trained with
  double low_factor = 1, high_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;    // yarn
  bool truncate = true;                    // yarn: the range of blended dimensions has whole numbers as bounds
  std::vector<float> factors;              // given: (head_dim / 2)
  float attention_factor = 1;              // cos and sin are multiplied by it

  // What the arithmetic uses. The angle of position p and pair i is p * inverse_frequencies[i].
  std::vector<float> inverse_frequencies;  // (head_dim / 2)

  // Fills inverse_frequencies from the fields above. Errors: a sentence that begins with `file`.
  Status compute(uint32_t head_dim, const std::string& file);
};

// YaRN's attention factor for a scale, where the file names none.
double yarn_attention_factor(double factor, double mscale = 1);

}  // namespace lorikeet
