// KernelLibrary: the reflected interfaces of the embedded shaders, and the kernels compiled from them so far. Shared by
// all plans of a device.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/device/kernel.h"
#include "runtime/graph/op.h"

namespace lorikeet {

using Progress = std::function<void(size_t done, size_t total)>;

class KernelLibrary {
 public:
  // The interface of an embedded shader. Reflected once.
  Result<const KernelInterface*> interface(std::string_view kernel);
  // Compiles what the dispatches need and is not compiled yet.
  Status compile(Device& device, const std::vector<const Dispatch*>& dispatches, const Progress& progress = {});
  // A kernel that compile() made; null otherwise.
  const Kernel* find(const Dispatch& dispatch) const;
  std::vector<const Kernel*> all() const;

 private:
  static std::string key(const Dispatch& dispatch);
  std::map<std::string, KernelInterface, std::less<>> interfaces_;
  std::map<std::string, std::unique_ptr<Kernel>> kernels_;
};

}  // namespace lorikeet
