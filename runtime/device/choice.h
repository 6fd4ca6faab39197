// Internal: which of several devices is used, and why not the others.
#pragma once

#include <vector>

#include "runtime/device/facts.h"
#include "runtime/device/instance.h"

namespace lorikeet {

struct Choices {
  std::vector<Facts> facts;                 // in the order of the driver
  std::vector<DeviceCandidate> candidates;  // one each; at most one is chosen
  std::string refusal;                      // a sentence if none is chosen
};
Result<Choices> choose_device(const Instance& instance, const Options& options);

}  // namespace lorikeet
