// Kernel: one compiled shader variant with the interface that is read from its SPIR-V.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

// The interface of a compute shader, as its SPIR-V states it.
struct KernelInterface {
  struct Binding {
    uint32_t number = 0;
    bool reads = true;     // not declared writeonly
    bool writes = true;    // not declared readonly
    bool uniform = false;  // uniform buffer instead of storage buffer
    std::string name;
  };
  std::vector<Binding> bindings;      // ascending numbers, 0..n-1 without gaps; aliased declarations are merged
  uint32_t params_bytes = 0;          // size of the push constant block
  uint32_t workgroup[3] = {1, 1, 1};  // local size with the constants that were given
  uint32_t workgroup_ids[3] = {~0u, ~0u, ~0u};  // specialisation ids of the local size, ~0 if fixed
  uint32_t shared_bytes = 0;                    // workgroup memory with the constants that were given
  std::vector<uint32_t> constant_ids;           // specialisation constants
  std::vector<uint32_t> capabilities;           // SPIR-V capability numbers
};

struct SpecialisationConstant {
  uint32_t id = 0;
  uint32_t value = 0;  // bits
  bool operator==(const SpecialisationConstant&) const = default;
};

// Pure function: no device is needed. `workgroup` and `shared_bytes` are those with the given constants. Malformed
// words give corrupt, a shader that Lorikeet cannot bind (images, several sets, gaps in the bindings) gives
// unsupported.
Result<KernelInterface> reflect(std::span<const uint32_t> spirv,
                                std::span<const SpecialisationConstant> constants = {});

struct KernelRequest {
  std::string name;                 // "matmul/q4_1"
  std::span<const uint32_t> spirv;  // must live during the call
  std::vector<SpecialisationConstant> constants;
  uint32_t required_subgroup_size = 0;  // 0: any
  bool statistics = false;              // keep what the driver's compiler says; may bypass its cache
};

// What a driver's compiler says of a pipeline (VK_KHR_pipeline_executable_properties), for `lab` and `inspect
// --kernels`.
struct KernelStatistic {
  std::string executable, name;
  double value = 0;
};

class Kernel {
 public:
  Kernel(Kernel&&) noexcept;
  Kernel& operator=(Kernel&&) noexcept;
  ~Kernel();

  const std::string& name() const;
  const KernelInterface& interface() const;
  std::vector<KernelStatistic> statistics() const;  // empty where the driver has none

  struct Impl;
  const Impl& impl() const { return *impl_; }
  explicit Kernel(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
