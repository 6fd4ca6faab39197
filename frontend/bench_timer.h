// Times ops on random data on a rig, after their results were compared.
#pragma once

#include <string>
#include <vector>

#include "frontend/bench.h"
#include "runtime/plan/rig.h"

namespace lorikeet {

struct BenchProblem {
  Graph graph;  // the last node makes "y"
  RigData data;
  double flops = 0, bytes = 0;
  std::string size;  // "32 rows"
};

class BenchTimer {
 public:
  BenchTimer(Device& device, KernelLibrary& kernels, double seconds)
      : device_(device), kernels_(kernels), seconds_(seconds) {}

  // A line for each choice of the last node.
  Result<std::vector<BenchLine>> choices(const BenchProblem& problem) const;

  // All nodes together, each with the choice that heuristics take, compared with the plain ones.
  Result<BenchLine> whole(const BenchProblem& problem, double tolerance) const;

  // A line a kernel, for devices with timestamps.
  Result<std::vector<BenchLine>> kernels(const BenchProblem& problem) const;

 private:
  // `expected` is filled if it is empty.
  Result<BenchLine> timed(const BenchProblem& problem, const std::string& choice, double tolerance,
                          std::vector<float>& expected, bool all_nodes = false) const;

  Device& device_;
  KernelLibrary& kernels_;
  const double seconds_;
};

std::string rows_text(int64_t rows);  // "1 row", "32 rows"

// An error for types and widths that no kernel reads.
Status expect_weight(DType type, std::initializer_list<int64_t> columns);

// Bytes of a file's matrix. Large ones repeat their first rows: a prime number, so that no two experts are alike.
Result<std::vector<std::byte>> random_weight(DType type, int64_t rows, int64_t columns, uint64_t seed);

}  // namespace lorikeet
