#include "frontend/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

namespace lorikeet {

std::vector<float> noise(int64_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = uniform(random);
  return values;
}

double nmse(const std::vector<float>& got, const std::vector<float>& expected) {
  double difference = 0, energy = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference += std::pow(double(got[i]) - expected[i], 2);
    energy += std::pow(double(expected[i]), 2);
  }
  return energy > 0 ? difference / energy : difference;
}

Result<double> fastest(double seconds, const std::function<Status()>& run) {
  using Clock = std::chrono::steady_clock;
  LK_TRY(run());  // warm
  double best = INFINITY;
  const auto start = Clock::now();
  for (int i = 0; i < 3 || Clock::now() - start < std::chrono::duration<double>(seconds); ++i) {
    const auto before = Clock::now();
    LK_TRY(run());
    best = std::min(best, std::chrono::duration<double, std::milli>(Clock::now() - before).count());
  }
  return best;
}

}  // namespace lorikeet
