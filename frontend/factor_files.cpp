// Where files keep a FactorConfig: in the shapes of a directory's tensors and factor.json, or in the keys of a GGUF
// file.
#include <algorithm>

#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/config.h"
#include "frontend/config_fields.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr const char kExperts[] = "lorikeet.factor.expert_count", kActive[] = "lorikeet.factor.expert_used_count",
                     kScale[] = "lorikeet.factor.output_scale", kSplit[] = "lorikeet.factor.split",
                     kOrder[] = "lorikeet.factor.order",
                     kWholeLayers[] = "lorikeet.factor.whole_layers";

Result<FactorSplit> split_of(std::string_view text, const std::string& file) {
  for (const FactorSplit split : {FactorSplit::contiguous, FactorSplit::permutation, FactorSplit::clustered})
    if (name(split) == text) return split;
  return corrupt(
      join(file, ": the split is ", text.substr(0, 100), "; contiguous, permutation or clustered was expected."));
}

Result<FactorScale> scale_of(std::string_view text, const std::string& file) {
  if (const auto scale = factor_scale_from_name(text)) return *scale;
  return corrupt(join(file, ": the output scale is ", text.substr(0, 100), "; n_div_k, exact or one was expected."));
}

// What a directory's tensors say: the router's rows count the experts, of which there must be no more and no fewer.
Result<uint32_t> count_experts(const Checkpoint& directory, const DecoderConfig& config) {
  const auto find = [&](WeightRole role, uint32_t expert) {
    return directory.find(weight_name(*config.family, role, 0, Naming::huggingface, expert));
  };
  const std::string file = directory.path().string();
  uint64_t given = 0;
  while (given < kMaximumExperts && find(WeightRole::slice_gate, uint32_t(given))) ++given;
  const TensorInfo* router = find(WeightRole::slice_router, 0);
  if (!router && given == 0) return 0u;
  if (!router)
    return not_found(join(file, ": the feed-forward layers are cut into ", given, " experts, but the router ",
                          weight_name(*config.family, WeightRole::slice_router, 0, Naming::huggingface),
                          " is missing."));
  if (router->rows() != given)
    return corrupt(join(file, ": the router ", router->name, " of shape ", shape_text(router->shape), " is for ",
                        router->rows(), " experts, the layer has ", given, "."));
  return checked_count(given, kMaximumExperts, file, "the number of experts");
}

class FactorJson {
 public:
  FactorJson(const Json& json, const std::string& file, FactorConfig& factor)
      : fields_(json, file), file_(file), factor_(factor) {}

  Status read() {
    LK_ASSIGN(const uint32_t experts, fields_.count_or("num_experts", kMaximumExperts, factor_.experts));
    if (experts != factor_.experts)
      return corrupt(join(file_, ": num_experts is ", experts, ", the tensors are of ", factor_.experts, "."));
    LK_ASSIGN(factor_.active, fields_.count_or("top_k", kMaximumExperts, factor_.active));
    LK_ASSIGN(const std::string scale, fields_.text_or("output_scale", "n_div_k"));
    LK_ASSIGN(factor_.output_scale, scale_of(scale, file_));
    LK_ASSIGN(const std::string split, fields_.text_or("split", "contiguous"));
    LK_ASSIGN(factor_.split, split_of(split, file_));
    if (const Json* whole = fields_.find("whole_layers"))
      if (!read_numbers(*whole, factor_.whole_layers))
        return corrupt(join(file_, ": whole_layers must be a list of the numbers of layers."));
    const Json* index = fields_.find("index");
    return index ? read_index(*index) : Status(Done{});
  }

 private:
  static bool read_numbers(const Json& list, std::vector<uint32_t>& into) {
    for (const Json& number : list) {
      if (!number.is_number_unsigned() || number.get<uint64_t>() > kMaximumCount) return false;
      into.push_back(number.get<uint32_t>());
    }
    return list.is_array();
  }

  Status read_index(const Json& index) {
    if (!index.is_array()) return bad_index();
    for (const Json& layer : index)
      if (!layer.is_array() || !read_numbers(layer, factor_.order)) return bad_index();
    return Done{};
  }
  Error bad_index() const {
    return corrupt(join(file_, ": index must be a list of the numbers of rows for each layer."));
  }

  Fields fields_;
  const std::string& file_;
  FactorConfig& factor_;
};

}  // namespace

Status read_factor_json(const std::string& text, const std::string& file, FactorConfig& factor) {
  LK_ASSIGN(const Json json, parse_json_object(text, file, DuplicateKeys::last_wins));
  return FactorJson(json, file, factor).read();
}

Status read_factor(const Checkpoint& directory, DecoderConfig& config) {
  LK_ASSIGN(const uint32_t experts, count_experts(directory, config));
  if (experts == 0) return Done{};
  FactorConfig factor{.experts = experts, .active = std::max(experts / 2, 1u)};
  const std::string file = join("[factor] ", (directory.path() / "factor.json").string());
  if (directory.has_text("factor.json")) {
    LK_ASSIGN(const std::string text, directory.text("factor.json"));
    LK_TRY(read_factor_json(text, file, factor));
  }
  LK_TRY(check_factor(factor, config, file));
  config.factor = std::move(factor);
  return Done{};
}

void set_factor(GgufHeader& header, const FactorConfig& factor) {
  header.set_natural(kExperts, factor.experts);
  header.set_natural(kActive, factor.active);
  header.set_text(kScale, name(factor.output_scale));
  header.set_text(kSplit, name(factor.split));
  if (!factor.order.empty()) header.set_integers(kOrder, {factor.order.begin(), factor.order.end()});
  if (!factor.whole_layers.empty())
    header.set_integers(kWholeLayers, {factor.whole_layers.begin(), factor.whole_layers.end()});
}

Status read_factor(const GgufMetadata& metadata, const std::string& file, DecoderConfig& config) {
  if (!metadata.has(kExperts)) return Done{};
  FactorConfig factor;
  LK_ASSIGN(const uint64_t experts, metadata.natural(kExperts));
  LK_ASSIGN(factor.experts, checked_count(experts, kMaximumExperts, file, kExperts));
  LK_ASSIGN(const uint64_t active, metadata.natural(kActive));
  LK_ASSIGN(factor.active, checked_count(active, kMaximumExperts, file, kActive));
  LK_ASSIGN(const std::string_view scale, metadata.text(kScale));
  LK_ASSIGN(factor.output_scale, scale_of(scale, file));
  LK_ASSIGN(const std::string_view split, metadata.text(kSplit));
  LK_ASSIGN(factor.split, split_of(split, file));
  for (const auto& [key, list] : {std::pair(kOrder, &factor.order), std::pair(kWholeLayers, &factor.whole_layers)}) {
    if (!metadata.has(key)) continue;
    LK_ASSIGN(const std::vector<int64_t> numbers, metadata.integers(key));
    for (const int64_t number : numbers) list->push_back(uint32_t(std::clamp<int64_t>(number, 0, UINT32_MAX)));
  }
  LK_TRY(check_factor(factor, config, file));
  config.factor = std::move(factor);
  return Done{};
}

}  // namespace lorikeet
