// BatchOrder: which examples make up which batch of which epoch. It depends on its options and the examples' sizes
// alone, so that a stopped run goes on from a place (epoch, index) with the batches that it would have had.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "frontend/dataset/dataset.h"

namespace lorikeet {

enum class BatchLayout {
  padded,  // every sequence has as many rows as the longest of the batch
  packed,  // sequences follow each other in a fixed number of rows
};

struct BatchOptions {
  BatchLayout layout = BatchLayout::padded;
  uint32_t examples = 16;  // of a padded batch; of a packed one at most, 0: as many as fit
  int64_t rows = 512;      // of a packed batch
  int64_t multiple = 1;    // padded: the rows of a sequence are a multiple of this, so that fewer shapes occur
  bool shuffle = true;     // every epoch in another order
  uint64_t seed = 42;
  bool drop_last = false;      // padded: a last batch with fewer examples is left out
  bool longest_first = false;  // the order within a batch, as published; else as they come
};

struct BatchPlace {
  uint64_t epoch = 0, index = 0;  // index: of the batch in its epoch

  friend bool operator==(const BatchPlace&, const BatchPlace&) = default;
};

class BatchOrder {
 public:
  // The dataset need not outlive it. Errors: invalid_argument for options that make no batch; for an example with more
  // rows than a packed batch.
  static Result<BatchOrder> create(const Dataset& dataset, const BatchOptions& options);

  const BatchOptions& options() const { return options_; }
  uint64_t batches(uint64_t epoch);  // at least 1; may differ between epochs of packed batches
  // The examples of a batch, by their number in the dataset. Errors: invalid_argument for an index beyond the epoch.
  Result<std::vector<uint32_t>> examples(BatchPlace place);
  BatchPlace after(BatchPlace place);  // the next one, in the next epoch if need be

 private:
  BatchOrder(const BatchOptions& options, std::vector<int64_t> rows) : options_(options), rows_(std::move(rows)) {}
  void make(uint64_t epoch);
  bool is_full(std::span<const uint32_t> batch, int64_t rows, uint32_t next) const;

  BatchOptions options_;
  std::vector<int64_t> rows_;    // of each example
  uint64_t epoch_ = UINT64_MAX;  // that `batches_` are of
  std::vector<std::vector<uint32_t>> batches_;
};

}  // namespace lorikeet
