// Batch: what one training step reads, row by row, as plain data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "frontend/dataset/batch_order.h"

namespace lorikeet {

// One example within a batch.
struct BatchSequence {
  uint32_t example = 0;        // its number in the dataset
  int64_t first = 0;           // its first row
  int64_t rows = 0;            // the padding behind it included
  int64_t length = 0;          // without
  std::string picture;         // path; empty: none
  int64_t picture_row = -1;    // the first of the visual tokens' rows; -1: no picture
  std::vector<int32_t> asked;  // with a picture: the text tokens that are not learnt, which the picture is routed by
};

struct Batch {
  // One entry a row, (rows) each.
  std::vector<int32_t> tokens;           // ids; -1 - i for visual token i of the sequence's picture
  std::vector<int32_t> positions;        // in the row's own sequence, from 0
  std::vector<int32_t> labels;           // the token that is to follow, or kNoLabel
  std::vector<float> weights;            // of the row's loss: 1 / trained where there is a label, else 0
  std::vector<uint8_t> attended;         // 0: no row looks at this one (padding)
  std::vector<BatchSequence> sequences;  // in the order of their rows; rows behind the last are padding of none
  int64_t trained = 0;                   // rows with a label: the mean loss is sum(weights * losses)

  int64_t rows() const { return int64_t(tokens.size()); }
};

// The batch of these examples. Errors: invalid_argument for none, for one that does not exist, for more than the rows
// of a packed batch hold.
Result<Batch> make_batch(const Dataset& dataset, std::span<const uint32_t> examples, const BatchOptions& options);

}  // namespace lorikeet
