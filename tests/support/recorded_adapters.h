// The tiny base with recorded adapters of every kind (../shared/goldens/dynmole).
#pragma once

#include <optional>
#include <string>

#include "frontend/adapters/adapter.h"
#include "frontend/model.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"

namespace lorikeet::test {

struct RecordedBase {
  std::filesystem::path folder;
  Model model;
  AdapterBase base = adapter_base(model.config());

  Adapter adapter(const std::string& name) { return need(open_adapter(folder / "adapters" / name, base)); }
  TensorFiles records(const std::string& name) {
    return need(open_tensors(folder / "cases" / (name + ".safetensors")));
  }
};

// None without a device or without the records.
inline std::optional<RecordedBase> open_recorded_base() {
  const auto folder = shared_golden("dynmole");
  if (!folder || !test_device()) return std::nullopt;
  return RecordedBase{*folder, need(Model::load(*test_device(), *folder / "base"))};
}

}  // namespace lorikeet::test
