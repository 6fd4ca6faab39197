// The rows of a batch whose loss counts: of a conversation the assistant's words alone. No other row needs logits.
#pragma once

#include <cstdint>
#include <vector>

#include "frontend/training/batch_rows.h"

namespace lorikeet {

// How many rows of a batch logits are made for: all, or so many as a few shapes have that hold the rows that count.
int64_t learnt_count(const Batch& batch, int64_t rows);

struct LearntRows {
  std::vector<uint32_t> list;  // wanted list of `count` rows; those past the last name none
  std::vector<uint32_t> target;
  std::vector<float> loss_weights;
};
LearntRows learnt_rows(const BatchRows& rows, int64_t count);

}  // namespace lorikeet
