// What a conversion will write: its header, and where each tensor comes from. Private to convert.
#pragma once

#include <string>
#include <vector>

#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/config.h"
#include "frontend/convert.h"

namespace lorikeet {

struct PlannedTensor {
  const TensorInfo* source = nullptr;  // null: `values` are written
  std::vector<float> values;
  std::string name;
  DType type = DType::f32;             // in the output
  std::vector<uint64_t> shape;
  uint32_t interleave_head_dim = 0;    // not 0: the rows go from Hugging Face order to that of llama GGUF files
};

struct ConvertPlan {
  GgufHeader header;
  std::vector<PlannedTensor> tensors;  // in the header's order
  std::vector<std::string> notices;
};

Result<ConvertPlan> plan_from_gguf(const Checkpoint& source, const DecoderConfig& config, DType type);
Result<ConvertPlan> plan_from_huggingface(const Checkpoint& source, const DecoderConfig& config, DType type);

// The type that a matrix gets: see ConvertOptions::type. Sets `fell_back` where its columns forced another one.
DType output_type(DType wanted, bool head, uint64_t columns, bool& fell_back);
// Adds a tensor to the plan and its header; a fallback adds a notice.
Status add_planned(ConvertPlan& plan, PlannedTensor tensor, DType wanted, bool head);
uint32_t gguf_file_type(DType type);  // general.file_type

// The Hugging Face row that becomes row `row` of a llama GGUF: the inverse of WeightRef::file_row.
inline uint64_t huggingface_row(uint64_t row, uint64_t head_dim) {
  const uint64_t head = row / head_dim, within = row % head_dim;
  return head * head_dim + within % 2 * (head_dim / 2) + within / 2;
}

}  // namespace lorikeet
