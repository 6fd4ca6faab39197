#include "frontend/convert_plan.h"

#include <algorithm>

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
      plan.notices.push_back(join("The source is quantised already (", name(tensor.type), "); what it lost stays lost, and quantising again loses more."));
      return;
    }
}

}  // namespace

uint32_t gguf_file_type(DType type) { return rule_of(type).file_type; }

DType output_type(DType wanted, bool head, uint64_t columns, bool& fell_back) {
  DType type = head ? rule_of(wanted).head : wanted;
  fell_back = false;
  while (columns % layout(type).block != 0) {
    type = rule_of(type).fallback;
    fell_back = true;
  }
  return type;
}

Status add_planned(ConvertPlan& plan, PlannedTensor tensor, DType wanted, bool head) {
  bool fell_back = false;
  tensor.type = output_type(wanted, head, tensor.shape.back(), fell_back);
  if (fell_back)
    plan.notices.push_back(join("Tensor ", tensor.name, " has ", tensor.shape.back(), " columns, which do not divide into blocks of ",
                                name(head ? rule_of(wanted).head : wanted), "; it is written as ", name(tensor.type), "."));
  LK_TRY(plan.header.add_tensor(tensor.name, tensor.type, tensor.shape));
  plan.tensors.push_back(std::move(tensor));
  return Done{};
}

// Everything is kept as it is, but for the types of the matrices.
Result<ConvertPlan> plan_from_gguf(const Checkpoint& source, const DecoderConfig& config, DType type) {
  ConvertPlan plan;
  note_requantising(plan, source, type);
  for (const GgufMetadata::Entry& entry : source.metadata().entries())
    if (!entry.key.starts_with("split.") && entry.key != "general.alignment") plan.header.copy(entry.key, entry.value);
  plan.header.set_natural("general.file_type", gguf_file_type(type));
  plan.header.set_natural("general.quantization_version", 2);
  const std::string head = weight_name(*config.family, config.tied_embeddings ? WeightRole::token_embedding : WeightRole::output, 0, Naming::gguf);
  for (const TensorInfo& tensor : source.tensors()) {
    PlannedTensor planned;
    planned.source = &tensor;
    planned.name = tensor.name;
    planned.shape = tensor.shape;
    if (tensor.shape.size() == 1) {
      const bool real = tensor.type == DType::f16 || tensor.type == DType::bf16;
      LK_TRY(add_planned(plan, std::move(planned), real ? DType::f32 : tensor.type, false));
    } else {
      LK_TRY(add_planned(plan, std::move(planned), type, tensor.name == head));
    }
  }
  return plan;
}

}  // namespace lorikeet
