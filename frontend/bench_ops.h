// Benchmarks of single ops on random data. Each times every choice that the device has, after it was compared with the
// plain one; an error if one differs. Times are the device's own where it has timestamps.
#pragma once

#include "frontend/bench.h"

namespace lorikeet {

using BenchLines = Result<std::vector<BenchLine>>;

struct MatmulBench {
  DType type = DType::q4_1;
  int64_t rows = 1, outputs = 1536, columns = 576;
  double seconds = 1;  // time spent on each line
};
BenchLines bench_matmul(Device& device, KernelLibrary& kernels, const MatmulBench& what);

// The grouped product of rows that chose their experts at random; one plain product of as many rows; and a whole
// feed-forward network, gated, with `columns` outside and `outputs` inside, from the router's scores on.
struct ExpertsBench {
  DType type = DType::q4_k;
  int64_t experts = 128, used = 8, rows = 1;
  int64_t share = 1;                      // rows that share their routing; divides rows
  int64_t outputs = 768, columns = 2048;  // of an expert
  double seconds = 1;
};
BenchLines bench_experts(Device& device, KernelLibrary& kernels, const ExpertsBench& what);

struct RouteBench {
  int64_t experts = 128, top_k = 8, rows = 1;
  double seconds = 1;
};
BenchLines bench_route(Device& device, KernelLibrary& kernels, const RouteBench& what);

// The last rows of one conversation.
struct AttentionBench {
  DType kv = DType::f32;
  int64_t heads = 32, kv_heads = 8, head_dim = 128, rows = 1, context = 512;
  double seconds = 1;
};
BenchLines bench_attention(Device& device, KernelLibrary& kernels, const AttentionBench& what);

}  // namespace lorikeet
