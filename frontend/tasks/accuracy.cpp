#include "frontend/tasks/accuracy.h"

#include <algorithm>
#include <cmath>

namespace lorikeet::tasks {

Interval Accuracy::interval() const {
  if (of == 0) return {};
  constexpr double z = 1.959963984540054;  // 97.5 % of a normal distribution lie below
  const double n = double(of), p = value();
  const double scale = 1 / (1 + z * z / n);
  const double centre = scale * (p + z * z / (2 * n));
  const double half = scale * z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {right == 0 ? 0 : std::max(0.0, centre - half), right == of ? 1 : std::min(1.0, centre + half)};
}

}  // namespace lorikeet::tasks
