#include "frontend/families/family.h"

#include <vector>

namespace lorikeet {
namespace {

constexpr const Family* kFamilies[] = {&kLlama, &kQwen2, &kParrot};

std::string listed(const std::vector<std::string_view>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace

std::span<const Family* const> families() { return kFamilies; }

const Family* family_of_architecture(std::string_view architecture) {
  for (const Family* family : families())
    if (family->architecture == architecture) return family;
  return nullptr;
}

const Family* family_of_model_type(std::string_view model_type) {
  for (const Family* family : families())
    if (find_model_type(*family, model_type)) return family;
  return nullptr;
}

const ModelType* find_model_type(const Family& family, std::string_view model_type) {
  for (const ModelType& type : family.model_types)
    if (type.name == model_type) return &type;
  return nullptr;
}

std::string supported_architectures() {
  std::vector<std::string_view> names;
  for (const Family* family : families()) names.push_back(family->architecture);
  return listed(names);
}

std::string supported_model_types() {
  std::vector<std::string_view> names;
  for (const Family* family : families())
    for (const ModelType& type : family->model_types) names.push_back(type.name);
  return listed(names);
}

std::string weight_name(const Family& family, WeightRole role, uint32_t layer, Naming naming, uint32_t expert) {
  for (const WeightName& weight : family.weights) {
    if (weight.role != role) continue;
    std::string name(naming == Naming::gguf ? weight.gguf : weight.huggingface);
    if (const size_t mark = name.find('#'); mark != std::string::npos) name.replace(mark, 1, std::to_string(layer));
    if (const size_t mark = name.find('@'); mark != std::string::npos) name.replace(mark, 1, std::to_string(expert));
    return name;
  }
  return {};
}

bool is_layer_weight(WeightRole role) { return role >= WeightRole::attn_norm && role <= WeightRole::slice_down; }
bool is_tower_weight(WeightRole role) { return role >= WeightRole::tower_norm1 && role <= WeightRole::tower_down_bias; }
bool is_of_tower(WeightRole role) { return role >= WeightRole::tower_class && role <= WeightRole::tower_down_bias; }
bool is_expert_weight(WeightRole role) {
  return role >= WeightRole::expert_gate || (role >= WeightRole::slice_gate && role <= WeightRole::slice_down);
}

}  // namespace lorikeet
