// What a routed adapter costs on one linear layer.
#pragma once

#include "frontend/bench.h"

namespace lorikeet {

struct AdapterBench {
  DType type = DType::q4_1;  // of the frozen weight
  int64_t outputs = 5632, columns = 2048, rows = 1;
  int64_t experts = 6, used = 2, rank = 24;
  double seconds = 1;  // time spent on each line
};

// The frozen layer alone; with DynMoLE where its routers are sure and `used` experts are active; and where they are not
// and all are. The notes say how long the adapter's part takes, and the whole layer as a multiple of the frozen one.
Result<std::vector<BenchLine>> bench_adapter(Device& device, KernelLibrary& kernels, const AdapterBench& what);
// A line a kernel of the layer with `used` experts active.
Result<std::vector<BenchLine>> profile_adapter(Device& device, KernelLibrary& kernels, const AdapterBench& what);

}  // namespace lorikeet
