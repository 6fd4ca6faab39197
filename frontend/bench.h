// Benchmarks: verify, then time. Every figure comes with the bytes or the floating point operations behind it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/model.h"
#include "frontend/session.h"

namespace lorikeet {

struct BenchLine {
  std::string what;         // "generation", "prompt 128", "chain of products, 1 row", "matmul tile_4x8"
  double milliseconds = 0;  // of one run; the best of several
  double flops = 0;         // of one run
  double bytes = 0;         // of one run
  double tokens = 0;        // of one run; 0 where that means nothing
  std::string note;         // "nmse 3e-15 against plain"

  double gflops() const { return flops / milliseconds / 1e6; }
  double gbytes() const { return bytes / milliseconds / 1e6; }
  double tokens_per_second() const { return tokens * 1000 / milliseconds; }
};

struct BenchOptions {
  int64_t prompt = 128;   // tokens
  int64_t generate = 32;  // tokens
  double seconds = 2;     // time spent on each line, at least three runs
  SessionOptions session;
};

// Multiply-adds in registers alone: what the device could do.
Result<BenchLine> bench_peak(Device& device, KernelLibrary& kernels, double seconds);
// Generation and prompt of the whole model, after its log-probabilities were compared with unfused plain choices.
Result<std::vector<BenchLine>> bench_model(Model& model, const BenchOptions& options);
// Where the time of a plan goes, a line a kernel, the longest first: reading a prompt, and generating after it.
Result<std::vector<BenchLine>> bench_profile(Model& model, const BenchOptions& options);
// The same of any plan that was recorded with timestamps and has run; `what` begins the lines.
void add_kernel_lines(std::vector<BenchLine>& lines, const std::string& what, const Plan& plan);
// Floating point operations for one row: of the layers' matrix products, or of the head alone.
double product_flops(const Model& model, bool head_only, uint32_t active = 0);
// Any tokens of the vocabulary.
std::vector<int32_t> sample_tokens(const Model& model, int64_t count);
// All matrix products of the model with their weights and nothing else (of a factored one with its routing): the head
// on `head_rows` of the rows.
struct BenchChain {
  int64_t rows = 1, head_rows = 1;
  uint32_t active = 0;  // see SessionOptions
  double seconds = 1;
};
Result<BenchLine> bench_chain(Model& model, const BenchChain& chain);

// Times every choice of every different product of the model in its plans of 1, 4, 32 and 128 rows, and writes the
// fastest into the table of choices. Returns one line a product.
Result<std::vector<BenchLine>> tune(Model& model, double seconds);

}  // namespace lorikeet
