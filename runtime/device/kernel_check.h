// Internal: does this device run this kernel? Asked before anything is compiled.
#pragma once

#include "runtime/device/facts.h"
#include "runtime/device/kernel.h"

namespace lorikeet {

// `interface` is reflected with the request's constants. `unsupported` says which limit or capability is missing.
Status check_kernel(const KernelRequest& request, const KernelInterface& interface, const Facts& facts);

}  // namespace lorikeet
