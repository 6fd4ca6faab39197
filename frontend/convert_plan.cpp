#include "frontend/convert_plan.h"

#include <algorithm>
#include <map>

#include "frontend/families/resolve.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

struct TypeRule {
  DType type;
  uint32_t file_type;  // llama.cpp's number for a file mostly of this type
  DType head;          // what the head gets
  DType fallback;      // where the columns do not divide into blocks
};
constexpr TypeRule kRules[] = {
    {DType::f32, 0, DType::f32, DType::f32},     {DType::f16, 1, DType::f16, DType::f16},
    {DType::bf16, 32, DType::bf16, DType::bf16}, {DType::q8_0, 7, DType::q8_0, DType::f16},
    {DType::q4_0, 2, DType::q6_k, DType::f16},   {DType::q4_1, 3, DType::q6_k, DType::f16},
    {DType::q5_0, 8, DType::q6_k, DType::f16},   {DType::q5_1, 9, DType::q6_k, DType::f16},
    {DType::q4_k, 14, DType::q6_k, DType::q5_0}, {DType::q5_k, 16, DType::q6_k, DType::q5_1},
    {DType::q6_k, 18, DType::q6_k, DType::q8_0},
};

const TypeRule& rule_of(DType type) {
  for (const TypeRule& rule : kRules)
    if (rule.type == type) return rule;
  return kRules[0];
}

bool is_quantised(DType type) { return layout(type).block > 1; }

void note_requantising(ConvertPlan& plan, const Checkpoint& source, DType wanted) {
  for (const TensorInfo& tensor : source.tensors())
    if (is_quantised(tensor.type) && is_quantised(wanted) && tensor.type != wanted) {
      plan.notices.push_back(
          "The source is quantised already; what it lost stays lost, and quantising again loses more.");
      return;
    }
}

}  // namespace

uint32_t gguf_file_type(DType type) { return rule_of(type).file_type; }

DType head_type(DType wanted) { return rule_of(wanted).head; }

DType legal_type(DType wanted, uint64_t columns) {
  DType type = wanted;
  while (columns % layout(type).block != 0) type = rule_of(type).fallback;
  return type;
}

std::string sentence(const Fallback& fallback) {
  const std::string tensors = fallback.tensors == 1
                                  ? "Tensor " + fallback.example + " has "
                                  : join(fallback.tensors, " tensors, ", fallback.example, " for one, have ");
  return join(tensors, fallback.columns, " columns, which do not divide into blocks of ", name(fallback.wanted), "; ",
              fallback.tensors == 1 ? "it is" : "they are", " written as ", name(fallback.given), ".");
}

Status add_planned(ConvertPlan& plan, PlannedTensor tensor, DType wanted, bool head) {
  if (head) wanted = head_type(wanted);
  const uint64_t columns = tensor.shape.back();
  tensor.type = legal_type(wanted, columns);
  if (tensor.type != wanted) {
    const auto known = std::find_if(plan.fallbacks.begin(), plan.fallbacks.end(), [&](const Fallback& fallback) {
      return fallback.wanted == wanted && fallback.columns == columns;
    });
    if (known != plan.fallbacks.end()) ++known->tensors;
    else plan.fallbacks.push_back({wanted, tensor.type, columns, 1, tensor.name});
  }
  LK_TRY(plan.header.add_tensor(tensor.name, tensor.type, tensor.shape));
  plan.tensors.push_back(std::move(tensor));
  return Done{};
}

// Everything is kept as it is, but for the types of the matrices and what becomes experts.
Result<ConvertPlan> plan_from_gguf(const Checkpoint& source, const DecoderConfig& config, const ConvertWishes& wishes) {
  ConvertPlan plan;
  if (wishes.type) note_requantising(plan, source, *wishes.type);
  for (const GgufMetadata::Entry& entry : source.metadata().entries())
    if (!entry.key.starts_with("split.") && entry.key != "general.alignment") plan.header.copy(entry.key, entry.value);
  if (wishes.type) plan.header.set_natural("general.file_type", gguf_file_type(*wishes.type));
  plan.header.set_natural("general.quantization_version", 2);
  std::map<std::string, std::pair<WeightRole, uint32_t>> dense;  // what becomes experts, by name
  if (wishes.factor) {
    set_factor(plan.header, *wishes.factor);
    for (const WeightRole role : {WeightRole::gate, WeightRole::up, WeightRole::down})
      for (uint32_t layer = 0; layer < config.layers; ++layer)
        dense[weight_name(*config.family, role, layer, Naming::gguf)] = {role, layer};
  }
  const auto named = [&](WeightRole role) { return weight_name(*config.family, role, 0, Naming::gguf); };
  const std::string head = named(config.tied_embeddings ? WeightRole::token_embedding : WeightRole::output),
                    position = named(WeightRole::tower_position);
  for (const TensorInfo& tensor : source.tensors()) {
    PlannedTensor planned;
    planned.sources = {&tensor};
    planned.name = tensor.name;
    planned.shape = tensor.shape;
    const bool router = tensor.name.ends_with("ffn_gate_inp.weight");
    if (const auto place = dense.find(tensor.name); place != dense.end()) {
      LK_TRY(add_factored(plan, std::move(planned), config, wishes, place->second));
      continue;
    }
    if (tensor.shape.size() == 1 || tensor.name == position || router) {
      const bool real = tensor.type == DType::f16 || tensor.type == DType::bf16;
      LK_TRY(add_planned(plan, std::move(planned), real ? DType::f32 : tensor.type, false));
    } else {
      const bool head_rule = wishes.type && tensor.name == head;
      LK_TRY(add_planned(plan, std::move(planned), wishes.type.value_or(tensor.type), head_rule));
    }
  }
  return plan;
}

}  // namespace lorikeet
