// A small mutation fuzzer that runs as an ordinary test: deterministic, and the count and seed are printed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace lorikeet::test {

// Calls `target` with `LORIKEET_FUZZ_RUNS` (default 100,000) mutations of the seeds: flipped bits, overwritten and
// inserted interesting values, removed, repeated and spliced ranges, truncation. `LORIKEET_FUZZ_SEED` sets the seed.
// The target must return normally, whatever it is given. Returns the exit status.
int fuzz(const char* name, const std::vector<std::string>& seeds,
         const std::function<void(std::span<const std::byte>)>& target);

}  // namespace lorikeet::test
