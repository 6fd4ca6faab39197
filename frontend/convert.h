// Any model that can be loaded, as one GGUF file with llama.cpp's names, keys and conventions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "frontend/adapters/lora_merge.h"
#include "frontend/checkpoint/checkpoint.h"
#include "runtime/base/result.h"

namespace lorikeet {

struct ConvertOptions {
  // Of the matrices: f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k or q6_k. What is small is f32: norms,
  // biases, the positions of a vision tower, the router of visual experts. The head (the embedding of a tied model) is
  // q6_k where the type has fewer than 6 bits. A matrix whose columns do not divide into the type's blocks gets the
  // next larger type that fits: q4_k q5_0, q5_k q5_1, q6_k q8_0, and else f16.
  DType type = DType::f16;
  // Plain LoRAs for the source: computed in f32 from what the source stores, and written in the type of the matrix.
  LoraMerge merge;
  bool dry_run = false;  // only the report, nothing is written
  unsigned threads = 0;  // 0: all of the machine
  // Called now and then with bytes of the output; false cancels, which leaves no file.
  std::function<bool(uint64_t done, uint64_t total)> progress;
};

struct ConvertedTensor {
  std::string name;  // in the output
  DType from = DType::f32, to = DType::f32;
  std::vector<uint64_t> shape;
  uint64_t bytes = 0;  // in the output
};

struct ConvertReport {
  std::vector<ConvertedTensor> tensors;
  std::vector<std::string> notices;  // sentences: what was done otherwise than asked for
  uint64_t input_bytes = 0;          // the source's files
  uint64_t output_bytes = 0;         // the whole output file
};

// Errors: as Checkpoint and DecoderConfig; invalid_argument; io; cancelled. The output is complete or absent.
Result<ConvertReport> convert(const Checkpoint& source, const std::filesystem::path& out,
                              const ConvertOptions& options);

}  // namespace lorikeet
