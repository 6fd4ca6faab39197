#include "frontend/adapters/lora_merge.h"

#include <algorithm>

#include "runtime/base/text.h"

namespace lorikeet {

Status LoraMerge::add(const Adapter& adapter, double scale, const std::string& name) {
  if (adapter.config.kind != AdapterKind::lora)
    return unsupported(join("[merge] ", name, " is a ", lorikeet::name(adapter.config.kind),
                            " adapter: what its experts add depends on the input, so it cannot be merged into weights; "
                            "expected plain LoRA."));
  for (const AdapterLinear& linear : adapter.tensors.linears) addends_.push_back({&linear, scale * linear.scaling});
  return Done{};
}

bool LoraMerge::touches(uint32_t layer, WeightRole role) const {
  return std::any_of(addends_.begin(), addends_.end(), [&](const Addend& addend) {
    return addend.linear->layer == layer && addend.linear->role == role;
  });
}

void LoraMerge::add_row(uint32_t layer, WeightRole role, uint64_t row, std::span<float> values) const {
  for (const Addend& addend : addends_) {
    const AdapterLinear& linear = *addend.linear;
    if (linear.layer != layer || linear.role != role) continue;
    for (uint32_t i = 0; i < linear.rank; ++i) {
      const float factor = float(addend.scale * double(linear.b[row * linear.rank + i]));
      const float* a = linear.a.data() + size_t(i) * linear.in;
      for (uint32_t column = 0; column < linear.in; ++column) values[column] += factor * a[column];
    }
  }
}

}  // namespace lorikeet
