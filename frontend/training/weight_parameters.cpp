#include "frontend/training/weight_parameters.h"

#include <algorithm>
#include <map>

#include "frontend/checkpoint/quant/quant.h"
#include "frontend/families/resolve.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

bool matches(std::string_view name, std::string_view pattern) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() != '*')
    return !name.empty() && name.front() == pattern.front() && matches(name.substr(1), pattern.substr(1));
  for (size_t skip = 0; skip <= name.size(); ++skip)
    if (matches(name.substr(skip), pattern.substr(1))) return true;
  return false;
}

bool is_tower(WeightRole role) {
  return is_tower_weight(role) || (role >= WeightRole::tower_class && role <= WeightRole::tower_pre_norm_bias);
}

// The name without the number of an expert.
std::string parameter_name(const Weight& weight) { return weight.name.substr(0, weight.name.find(" #")); }

// Rows in Hugging Face's order, as f32.
Status append_values(const Model& model, const Weight& weight, std::vector<float>& out) {
  const TensorInfo& source = *weight.source;
  LK_ASSIGN(const Bytes whole, model.checkpoint().data(source));
  const int64_t rows = weight.shape.rank() > 1 ? weight.shape.rows() : weight.shape.elements();
  const int64_t columns = weight.shape.elements() / rows;
  const uint64_t row = weight.shape.rank() > 1 ? row_bytes(source.type, uint64_t(columns)) : 0;
  const Bytes bytes = row ? whole.subspan(size_t(weight.source_row) * row, size_t(rows) * row) : whole;
  std::vector<float> file(size_t(rows * columns));
  LK_TRY(dequantise(source.type, bytes, file));
  const WeightRef order{&source, weight.role, uint32_t(weight.interleaved_head_rows)};
  for (int64_t r = 0; r < rows; ++r) {
    const size_t from = size_t(order.file_row(uint64_t(r)));
    const auto begin = file.begin() + int64_t(from) * columns;
    out.insert(out.end(), begin, begin + columns);
  }
  return Done{};
}

}  // namespace

Result<std::vector<Parameter>> weight_parameters(const Model& model, std::span<const std::string> patterns) {
  std::vector<Parameter> parameters;
  std::map<std::string, size_t> known;
  std::vector<bool> used(patterns.size());
  for (const Weight& weight : model.weights().weights()) {
    const std::string name = parameter_name(weight);
    bool wanted = false;
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (!matches(name, patterns[i])) continue;
      wanted = used[i] = true;
    }
    if (!wanted) continue;
    if (is_tower(weight.role))
      return unsupported(
          join("the vision tower stays frozen: ", name, " cannot be trained. Take patterns that leave it out."));
    const auto [place, fresh] = known.try_emplace(name, parameters.size());
    if (fresh) parameters.push_back({name, weight.shape, {}, !name.ends_with(".bias")});
    Parameter& parameter = parameters[place->second];
    if (is_expert_weight(weight.role))
      parameter.shape = {int64_t(weight.expert) + 1, weight.shape.rows(), weight.shape.columns()};
    LK_TRY(append_values(model, weight, parameter.values));
  }
  for (size_t i = 0; i < patterns.size(); ++i)
    if (!used[i]) return Error{ErrorCode::not_found, join("no weight's name matches \"", patterns[i], "\"."), {}};
  return parameters;
}

}  // namespace lorikeet
