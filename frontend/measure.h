// Internal. What benchmarks and the doctor share: random data, errors, times.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

std::vector<float> noise(int64_t count, uint64_t seed);  // uniform in -1 .. 1
// Normalised mean squared error of the first values of `got`, as many as are expected.
double nmse(const std::vector<float>& got, const std::vector<float>& expected);
// Milliseconds of the fastest of at least three runs, after one to warm up.
Result<double> fastest(double seconds, const std::function<Status()>& run);

}  // namespace lorikeet
