#include "frontend/adapters/adapter_kinds.h"

namespace lorikeet {
namespace {

constexpr AdapterKindFacts kKinds[] = {
    {AdapterKind::lora, "LoRA", "LORA", "", "base_model.model.model."},
    {AdapterKind::dynmole, "DynMoLE", "DYNMOLE", "dynmole", "dynmole."},
    {AdapterKind::mixlora, "MixLoRA", "MIXLORA", "mixlora", "mixlora."},
    {AdapterKind::mixlora_dynamic, "MixLoRA (dynamic)", "MIXLORA", "mixlora-dynamic", "mixlora."},
    {AdapterKind::mola, "MoLA", "MOLA", "mola", "mola."},
    {AdapterKind::loramoe, "LoRAMoE", "LORAMOE", "loramoe", "loramoe."},
};

}  // namespace

std::span<const AdapterKindFacts> adapter_kinds() { return kKinds; }

const AdapterKindFacts& facts(AdapterKind kind) {
  for (const AdapterKindFacts& entry : kKinds)
    if (entry.kind == kind) return entry;
  return kKinds[0];
}

}  // namespace lorikeet
