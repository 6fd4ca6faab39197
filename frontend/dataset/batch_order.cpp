#include "frontend/dataset/batch_order.h"

#include <algorithm>
#include <numeric>

#include "frontend/dataset/random.h"
#include "runtime/base/text.h"

namespace lorikeet {

Result<BatchOrder> BatchOrder::create(const Dataset& dataset, const BatchOptions& options) {
  const bool packed = options.layout == BatchLayout::packed;
  if (dataset.size() == 0) return invalid("[dataset] expected at least one example to make batches of, given none.");
  if (dataset.size() >= UINT32_MAX)
    return invalid(join("[dataset] expected fewer than ", UINT32_MAX, " examples, given ", dataset.size(), "."));
  if (!packed && options.examples == 0) return invalid("[dataset] expected at least 1 example a batch, given 0.");
  if (!packed && options.multiple < 1)
    return invalid(join("[dataset] expected a multiple of at least 1 row, given ", options.multiple, "."));
  if (!packed && options.drop_last && dataset.size() < options.examples)
    return invalid(join("[dataset] expected at least one whole batch of ", options.examples, " examples, given ",
                        dataset.size(), " examples."));
  std::vector<int64_t> rows;
  for (size_t i = 0; i < dataset.size(); ++i) {
    rows.push_back(dataset.rows(i));
    if (packed && rows.back() > options.rows)
      return invalid(join("[dataset] expected examples of at most ", options.rows,
                          " tokens, the rows of a packed batch, "
                          "given one of ",
                          rows.back(), "."));
  }
  return BatchOrder(options, std::move(rows));
}

bool BatchOrder::is_full(std::span<const uint32_t> batch, int64_t rows, uint32_t next) const {
  const bool enough = options_.examples > 0 && batch.size() >= options_.examples;
  return enough || (options_.layout == BatchLayout::packed && rows + rows_[next] > options_.rows);
}

void BatchOrder::make(uint64_t epoch) {
  if (epoch == epoch_) return;
  std::vector<uint32_t> order(rows_.size());
  if (options_.shuffle) order = permutation(uint32_t(rows_.size()), options_.seed, epoch);
  else std::iota(order.begin(), order.end(), 0u);
  batches_.clear();
  int64_t rows = 0;
  for (const uint32_t example : order) {
    if (batches_.empty() || is_full(batches_.back(), rows, example)) {
      batches_.emplace_back();
      rows = 0;
    }
    batches_.back().push_back(example);
    rows += rows_[example];
  }
  const bool partial = options_.layout == BatchLayout::padded && batches_.back().size() < options_.examples;
  if (options_.drop_last && partial && batches_.size() > 1) batches_.pop_back();
  if (options_.longest_first)
    for (auto& batch : batches_)
      std::stable_sort(batch.begin(), batch.end(), [&](uint32_t a, uint32_t b) { return rows_[a] > rows_[b]; });
  epoch_ = epoch;
}

uint64_t BatchOrder::batches(uint64_t epoch) {
  make(epoch);
  return batches_.size();
}

Result<std::vector<uint32_t>> BatchOrder::examples(BatchPlace place) {
  make(place.epoch);
  if (place.index >= batches_.size())
    return invalid(join("[dataset] expected a batch below ", batches_.size(), " of epoch ", place.epoch, ", given ",
                        place.index, "."));
  return batches_[place.index];
}

BatchPlace BatchOrder::after(BatchPlace place) {
  if (place.index + 1 < batches(place.epoch)) return {place.epoch, place.index + 1};
  return {place.epoch + 1, 0};
}

}  // namespace lorikeet
