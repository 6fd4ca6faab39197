// AdapterMemory: the tensors of one adapter on a device, under the names that AdapterWriter gives them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "frontend/adapters/adapter_tensors.h"
#include "runtime/device/buffer.h"
#include "runtime/device/device.h"

namespace lorikeet {

class AdapterMemory {
 public:
  static Result<AdapterMemory> create(Device& device, const AdapterTensors& tensors, const std::string& name);
  static uint64_t bytes(const AdapterTensors& tensors);
  // The whole state; empty if the adapter has none of this name.
  std::vector<Slice> storage(const std::string& state) const;

 private:
  struct Place {
    uint64_t offset = 0, size = 0;
  };
  std::unique_ptr<Buffer> buffer_;
  std::map<std::string, Place> places_;
};

}  // namespace lorikeet
