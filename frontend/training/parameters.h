// What is trained: its values, gradients and the optimiser's moments on the device.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/device/buffer.h"
#include "runtime/device/device.h"
#include "runtime/graph/tensor.h"

namespace lorikeet {

struct Parameter {
  std::string name;  // of its state in graphs
  Shape shape;
  std::vector<float> values;  // with which training begins
  bool decays = true;         // the optimiser's decay counts
};

// Each parameter NAME has the states NAME, NAME.gradient, NAME.momentum and NAME.variance, all f32 of its shape.
class ParameterMemory {
 public:
  static Result<ParameterMemory> create(Device& device, std::span<const Parameter> parameters);
  static uint64_t bytes(std::span<const Parameter> parameters);

  // The whole state; empty if there is none of this name.
  std::vector<Slice> storage(const std::string& state) const;
  Result<std::vector<float>> read(Device& device, const std::string& state) const;
  Status write(Device& device, const std::string& state, std::span<const float> values) const;

 private:
  std::unique_ptr<Buffer> buffer_;
  std::map<std::string, std::pair<uint64_t, uint64_t>> places_;  // offset and bytes by state
};

inline constexpr const char* kParameterParts[] = {"", ".gradient", ".momentum", ".variance"};

}  // namespace lorikeet
