// What a conversion will write: its header, and where each tensor comes from. Private to convert.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/config.h"
#include "frontend/convert.h"

namespace lorikeet {

struct PlannedTensor {
  std::vector<const TensorInfo*> sources;  // one, or the experts of a stack in order; none: `values` are written
  std::vector<float> values;
  std::string name;
  DType type = DType::f32;  // in the output
  std::vector<uint64_t> shape;
  uint32_t interleave_head_dim = 0;  // not 0: the rows go from Hugging Face order to that of llama GGUF files
  // Of experts made from a dense matrix: row or column i comes from order[i] of the source; empty: in order. The
  // columns are cut into `column_slices` parts, written one after the other; 0: they are not.
  std::vector<uint32_t> row_order, column_order;
  uint32_t column_slices = 0;
};

// Tensors that could not have the type that was asked for, all for the same reason.
struct Fallback {
  DType wanted, given;
  uint64_t columns, tensors;
  std::string example;  // the first of them
};

struct ConvertPlan {
  GgufHeader header;
  std::vector<PlannedTensor> tensors;  // in the header's order
  std::vector<Fallback> fallbacks;
  std::vector<std::string> notices;
};

// What is written otherwise than it is in the source.
struct ConvertWishes {
  std::optional<DType> type;             // of the matrices; none: as they are
  const FactorConfig* factor = nullptr;  // the dense feed-forward layers are cut into experts
  uint64_t seed = 0;                     // of the routers' first values
};
Result<ConvertPlan> plan_from_gguf(const Checkpoint& source, const DecoderConfig& config, const ConvertWishes& wishes);
Result<ConvertPlan> plan_from_huggingface(const Checkpoint& source, const DecoderConfig& config,
                                          const ConvertWishes& wishes);
// Adds the experts that a dense gate, up or down of a layer becomes, before the gate the router.
Status add_factored(ConvertPlan& plan, PlannedTensor dense, const DecoderConfig& config, const ConvertWishes& wishes,
                    std::pair<WeightRole, uint32_t> place);
Result<ConvertReport> write_plan(const Checkpoint& source, const ConvertPlan& plan, const std::filesystem::path& out,
                                 const ConvertOptions& options);

DType head_type(DType wanted);                     // what the head gets: see ConvertOptions::type
DType legal_type(DType wanted, uint64_t columns);  // itself, or where the columns do not divide a type that fits
// Adds a tensor to the plan and its header.
Status add_planned(ConvertPlan& plan, PlannedTensor tensor, DType wanted, bool head);
uint32_t gguf_file_type(DType type);  // general.file_type
std::string sentence(const Fallback& fallback);

// The Hugging Face row that becomes row `row` of a llama GGUF: the inverse of WeightRef::file_row.
inline uint64_t huggingface_row(uint64_t row, uint64_t head_dim) {
  const uint64_t head = row / head_dim, within = row % head_dim;
  return head * head_dim + within % 2 * (head_dim / 2) + within / 2;
}

}  // namespace lorikeet
