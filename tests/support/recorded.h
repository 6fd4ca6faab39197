// Reading recorded states of the reference implementations, and what the tests that do so share.
#pragma once

#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "frontend/checkpoint/checkpoint.h"
#include "tests/support/catch.h"

namespace lorikeet::test {

// The value, or the test ends with the error's sentence.
template <class T>
T need(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

// The elements of a tensor, whose type T must match.
template <class T = float>
std::vector<T> recorded(const TensorFiles& files, const std::string& name) {
  const TensorInfo* info = files.find(name);
  if (!info) FAIL(name << " is not recorded");
  const auto bytes = need(files.data(*info));
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// The largest difference; infinity for unequal sizes and for what is no number.
inline float worst(std::span<const float> got, std::span<const float> expected) {
  if (got.size() != expected.size()) return INFINITY;
  float difference = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const float here = std::abs(got[i] - expected[i]);
    if (!(here <= difference)) difference = std::isnan(here) ? INFINITY : here;
  }
  return difference;
}

}  // namespace lorikeet::test
