#include "frontend/training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lorikeet {

double Schedule::at(uint64_t step) const {
  if (step < warmup) return rate * double(step) / double(warmup);
  if (shape == Shape::constant || steps <= warmup) return rate;
  const double done = std::min(1.0, double(step - warmup) / double(steps - warmup));
  const double left = shape == Shape::linear ? 1 - done : 0.5 * (1 + std::cos(std::numbers::pi * done));
  return floor + (rate - floor) * left;
}

}  // namespace lorikeet
