// The learning rate over the steps of a run.
#pragma once

#include <cstdint>

namespace lorikeet {

struct Schedule {
  enum class Shape : uint8_t { constant, linear, cosine } shape = Shape::constant;
  double rate = 2e-4;
  uint64_t warmup = 0;  // steps over which the rate rises from 0
  uint64_t steps = 0;   // of the whole run; linear and cosine end at `floor` there
  double floor = 0;     // lowest rate

  double at(uint64_t step) const;  // of step 0, 1, ...
};

}  // namespace lorikeet
