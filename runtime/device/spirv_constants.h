// Internal: values of a SPIR-V module's constants, with some of them specialised.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "runtime/device/kernel.h"

namespace lorikeet {

// Scalars are kept as they come, so nothing is ever looked up in depth. What is not understood has no value.
class SpirvConstants {
 public:
  explicit SpirvConstants(std::span<const SpecialisationConstant> given) : given_(given) {}

  void set(uint32_t id, uint64_t value) { values_[id] = value; }
  void specialise(uint32_t id, uint32_t spec_id, uint64_t otherwise);
  void composite(uint32_t id, std::span<const uint32_t> parts) { composites_[id].assign(parts.begin(), parts.end()); }
  void operation(uint32_t id, uint32_t opcode, std::span<const uint32_t> operands);

  std::optional<uint64_t> value(uint32_t id) const;
  std::span<const uint32_t> components(uint32_t id) const;  // ids; empty if it is no composite

 private:
  std::span<const SpecialisationConstant> given_;
  std::unordered_map<uint32_t, uint64_t> values_;
  std::unordered_map<uint32_t, std::vector<uint32_t>> composites_;
};

}  // namespace lorikeet
