// Weights of a model as parameters, and back.
#pragma once

#include <functional>

#include "frontend/checkpoint/rewrite.h"
#include "frontend/model.h"
#include "frontend/training/parameters.h"

namespace lorikeet {

// The weights one of whose names matches one of the patterns, without values: regular expressions for the whole name,
// as in Hugging Face's files or in GGUF's. Parameters have GGUF's names without the number of an expert: all experts of
// a kind are one parameter, and a pattern must match all of them. Biases do not decay, norms do, as in the published
// training. Errors: not_found if a pattern matches nothing, with examples of names; those of the regular expression.
Result<std::vector<Parameter>> find_weight_parameters(const Model& model, std::span<const std::string> patterns);
// Fills in the values from the files; rows in Hugging Face's order.
Status read_weight_parameters(const Model& model, std::vector<Parameter>& parameters);
// Both.
Result<std::vector<Parameter>> weight_parameters(const Model& model, std::span<const std::string> patterns);

// Where the weights of a parameter lie in its values, one after the other.
struct WeightSlot {
  const Weight* weight = nullptr;
  std::string name;  // as in the model's files
  size_t first = 0, elements = 0;
};
std::vector<WeightSlot> weight_slots(const Model& model, const std::string& parameter);

// The tensors of the files with the values that `read` gives by the parameter's name.
Result<NewValues> rewritten_weights(const Model& model, std::span<const Parameter> parameters,
                                    const std::function<Result<std::vector<float>>(const std::string&)>& read);

// Which weights these are, for people: one line for each kind of weight with its shape and number, a line on those that
// are not f32 in the files.
std::string weight_summary(const Model& model, std::span<const Parameter> parameters);

}  // namespace lorikeet
