#include "frontend/training/learnt_rows.h"

#include <algorithm>

#include "frontend/training/batch_pictures.h"

namespace lorikeet {
namespace {

constexpr int64_t kStep = 64;
constexpr uint32_t kNoRow = UINT32_MAX;

}  // namespace

int64_t learnt_count(const Batch& batch, int64_t rows) {
  const int64_t learnt = std::count_if(batch.weights.begin(), batch.weights.end(), [](float w) { return w != 0; });
  const int64_t count = std::max((learnt + kStep - 1) / kStep, int64_t(1)) * kStep;
  return count <= rows / 2 ? count : rows;
}

LearntRows learnt_rows(const BatchRows& rows, int64_t count) {
  LearntRows learnt;
  std::vector<uint32_t> list;
  for (size_t row = 0; row < rows.loss_weights.size(); ++row) {
    if (rows.loss_weights[row] == 0) continue;
    list.push_back(uint32_t(row));
    learnt.target.push_back(rows.target[row]);
    learnt.loss_weights.push_back(rows.loss_weights[row]);
  }
  list.resize(size_t(count), kNoRow);
  learnt.target.resize(size_t(count));
  learnt.loss_weights.resize(size_t(count));
  learnt.list = wanted_list(list);
  return learnt;
}

}  // namespace lorikeet
