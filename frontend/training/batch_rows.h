// A batch as the words that a training pass reads.
#pragma once

#include <cstdint>
#include <vector>

#include "frontend/dataset/batch.h"

namespace lorikeet {

// See TrainingShape. Rows behind the batch's own are sequences of one row that count for nothing.
struct BatchRows {
  std::vector<uint32_t> control, spans, target;
  std::vector<float> loss_weights, counted, balanced;
};

struct BatchRowsOptions {
  int64_t window = 0;          // positions that a row looks back, its own included; 0: all
  bool count_padding = false;  // the entropy loss is a mean over padding too, as published
  int64_t visual_tokens = 0;   // of a picture
};

BatchRows batch_rows(const Batch& batch, int64_t rows, const BatchRowsOptions& options);
int64_t batch_control_words(int64_t rows);
// A control table of the texts that the pictures are routed by, `rows` rows each.
std::vector<uint32_t> asked_table(const Batch& batch, int64_t rows);

}  // namespace lorikeet
