// Internal. The words of the published files for each kind of adapter.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "frontend/adapters/adapter_config.h"

namespace lorikeet {

struct AdapterKindFacts {
  AdapterKind kind;
  std::string_view title;             // for people
  std::string_view peft_type;         // "DYNMOLE"
  std::string_view routing_strategy;  // "dynmole"; empty: none
  std::string_view prefix;            // of the tensors' names, before "layers."
};

std::span<const AdapterKindFacts> adapter_kinds();
const AdapterKindFacts& facts(AdapterKind kind);

inline constexpr std::string_view kMixLoraSwitch = "mixlora-switch";
inline constexpr std::string_view kMixLoraLegacy = "mixtral";  // MixLoRA's routing_strategy in its first files

}  // namespace lorikeet
