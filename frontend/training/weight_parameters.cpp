#include "frontend/training/weight_parameters.h"

#include <algorithm>
#include <map>
#include <set>

#include "frontend/checkpoint/quant/quant.h"
#include "frontend/families/resolve.h"
#include "frontend/text/regex.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr size_t kExamples = 4;  // of names, where none matches

// The name without the number of an expert.
std::string parameter_name(const Weight& weight) { return weight.name.substr(0, weight.name.find(" #")); }

// Finds whole names by one pattern after the other.
class Matcher {
 public:
  static Result<Matcher> create(const std::string& pattern) {
    LK_ASSIGN(Regex regex, Regex::compile(join("^(?:", pattern, ")$")));
    return Matcher(std::move(regex));
  }
  Result<bool> matches(const Model& model, const Weight& weight) const {
    Regex::Scanner scanner(regex_);
    std::vector<TextRange> found;
    for (const std::string& name :
         {parameter_name(weight),
          weight_name(*model.config().family, weight.role, weight.layer, Naming::huggingface, weight.expert)}) {
      LK_TRY(scanner.find_all(name, found));
      if (!found.empty()) return true;
    }
    return false;
  }

 private:
  explicit Matcher(Regex regex) : regex_(std::move(regex)) {}
  Regex regex_;
};

Error none_matches(const Model& model, const std::string& pattern) {
  const std::vector<Weight>& weights = model.weights().weights();
  std::string names;
  for (size_t i = 0; i < kExamples; ++i)
    names += (i ? ", " : "") + weights[i * (weights.size() - 1) / (kExamples - 1)].source->name;
  return not_found(
      join("[finetune] no tensor's whole name matches \"", pattern, "\"; there are names such as ", names, "."));
}

// The numbers of a weight as the files hold them, and what puts their rows into Hugging Face's order.
struct FileRows {
  uint64_t rows = 0, columns = 0;
  WeightRef order;  // file_row
};

FileRows file_rows(const Weight& weight) {
  const bool matrix = weight.shape.rank() > 1;
  const uint64_t elements = uint64_t(weight.shape.elements());
  const uint64_t rows = matrix ? uint64_t(weight.shape.rows()) : elements;
  return {rows, elements / rows, {weight.source, weight.role, uint32_t(weight.interleaved_head_rows)}};
}

Status append_values(const Model& model, const Weight& weight, std::vector<float>& out) {
  const TensorInfo& source = *weight.source;
  LK_ASSIGN(const Bytes whole, model.checkpoint().data(source));
  const auto [rows, columns, order] = file_rows(weight);
  const uint64_t row = weight.shape.rank() > 1 ? row_bytes(source.type, columns) : 0;
  const Bytes bytes = row ? whole.subspan(size_t(uint64_t(weight.source_row) * row), size_t(rows * row)) : whole;
  std::vector<float> file(size_t(rows * columns));
  LK_TRY(dequantise(source.type, bytes, file));
  for (uint64_t r = 0; r < rows; ++r) {
    const auto begin = file.begin() + int64_t(order.file_row(r) * columns);
    out.insert(out.end(), begin, begin + int64_t(columns));
  }
  return Done{};
}

}  // namespace

Result<std::vector<Parameter>> find_weight_parameters(const Model& model, std::span<const std::string> patterns) {
  std::vector<Parameter> parameters;
  std::map<std::string, size_t> places, matched;  // of parameters; weights of each
  const std::vector<Weight>& weights = model.weights().weights();
  std::vector<bool> wanted(weights.size());
  for (const std::string& pattern : patterns) {
    LK_ASSIGN(const Matcher matcher, Matcher::create(pattern));
    bool any = false;
    for (size_t i = 0; i < weights.size(); ++i) {
      LK_ASSIGN(const bool matches, matcher.matches(model, weights[i]));
      any = any || matches;
      wanted[i] = wanted[i] || matches;
    }
    if (!any) return none_matches(model, pattern);
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    const Weight& weight = weights[i];
    if (!wanted[i]) continue;
    const std::string name = parameter_name(weight);
    const auto [place, fresh] = places.try_emplace(name, parameters.size());
    if (fresh) parameters.push_back({name, weight.shape, {}, !name.ends_with(".bias")});
    const int64_t count = int64_t(++matched[name]);
    if (is_expert_weight(weight.role))
      parameters[place->second].shape = {count, weight.shape.rows(), weight.shape.columns()};
  }
  for (const Parameter& parameter : parameters) {
    const std::vector<WeightSlot> slots = weight_slots(model, parameter.name);
    if (matched[parameter.name] != slots.size())
      return invalid(join("[finetune] the experts are trained together: expected patterns for all ", slots.size(),
                          " tensors such as ", slots.front().name, ", given for ", matched[parameter.name], "."));
  }
  return parameters;
}

Status read_weight_parameters(const Model& model, std::vector<Parameter>& parameters) {
  for (Parameter& parameter : parameters) {
    parameter.values.clear();
    for (const WeightSlot& slot : weight_slots(model, parameter.name))
      LK_TRY(append_values(model, *slot.weight, parameter.values));
  }
  return Done{};
}

Result<std::vector<Parameter>> weight_parameters(const Model& model, std::span<const std::string> patterns) {
  LK_ASSIGN(std::vector<Parameter> parameters, find_weight_parameters(model, patterns));
  LK_TRY(read_weight_parameters(model, parameters));
  return parameters;
}

std::vector<WeightSlot> weight_slots(const Model& model, const std::string& parameter) {
  std::vector<WeightSlot> slots;
  size_t first = 0;
  for (const Weight& weight : model.weights().weights()) {
    if (parameter_name(weight) != parameter) continue;
    const size_t elements = size_t(weight.shape.elements());
    slots.push_back({&weight, weight.source->name, first, elements});
    first += elements;
  }
  return slots;
}

Result<NewValues> rewritten_weights(const Model& model, std::span<const Parameter> parameters,
                                    const std::function<Result<std::vector<float>>(const std::string&)>& read) {
  NewValues all;
  for (const Parameter& parameter : parameters) {
    LK_ASSIGN(const std::vector<float> values, read(parameter.name));
    for (const WeightSlot& slot : weight_slots(model, parameter.name)) {
      std::vector<float>& file = all[slot.weight->source];
      file.resize(size_t(slot.weight->source->elements()));
      const auto [rows, columns, order] = file_rows(*slot.weight);
      for (uint64_t r = 0; r < rows; ++r)
        std::copy_n(values.begin() + int64_t(slot.first + r * columns), columns,
                    file.begin() + int64_t((uint64_t(slot.weight->source_row) + order.file_row(r)) * columns));
    }
  }
  // Files of a tied model may hold its head once more.
  const auto stored = [&](WeightRole role) {
    const bool gguf = model.checkpoint().kind() == Checkpoint::Kind::gguf;
    return model.checkpoint().find(
        weight_name(*model.config().family, role, 0, gguf ? Naming::gguf : Naming::huggingface));
  };
  const auto embedding = all.find(stored(WeightRole::token_embedding));
  const TensorInfo* head = stored(WeightRole::output);
  if (model.config().tied_embeddings && embedding != all.end() && head && head->shape == embedding->first->shape)
    all[head] = embedding->second;
  return all;
}

std::string weight_summary(const Model& model, std::span<const Parameter> parameters) {
  struct Kind {
    std::string example;
    std::vector<uint64_t> shape;
    size_t tensors = 0;
  };
  std::map<WeightRole, Kind> kinds;
  std::set<std::string> types;
  size_t tensors = 0, converted = 0;
  for (const Parameter& parameter : parameters) {
    for (const WeightSlot& slot : weight_slots(model, parameter.name)) {
      Kind& kind = kinds[slot.weight->role];
      if (kind.tensors++ == 0) kind.example = slot.name;
      kind.shape = expected_shape(model.config(), slot.weight->role);
      ++tensors;
      if (slot.weight->source->type == DType::f32) continue;
      ++converted;
      types.insert(std::string(name(slot.weight->source->type)));
    }
  }
  std::string text;
  for (const auto& [role, kind] : kinds) {
    text += join("  ", kind.example, " ", shape_text(kind.shape));
    text += kind.tensors > 1 ? join(" and ", kind.tensors - 1, " more like it\n") : std::string("\n");
  }
  if (converted == 0) return text;
  std::string listed;
  for (const std::string& type : types) listed += (listed.empty() ? "" : ", ") + type;
  return text + join("  ", converted, " of ", tensors, " tensors are ", listed,
                     " in the files; they are trained and written in f32\n");
}

}  // namespace lorikeet
