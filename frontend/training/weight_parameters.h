// Weights of a model as parameters.
#pragma once

#include "frontend/model.h"
#include "frontend/training/parameters.h"

namespace lorikeet {

// The weights whose names (as in GGUF files, without a number of an expert) match one of the patterns, in which *
// stands for anything, with their values from the files. All experts of a kind are one parameter. Biases do not decay,
// norms do, as in the published training. Errors: not_found if a pattern matches nothing; unsupported for the tower,
// which stays frozen.
Result<std::vector<Parameter>> weight_parameters(const Model& model, std::span<const std::string> patterns);

}  // namespace lorikeet
