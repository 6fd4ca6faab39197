#include "frontend/dataset/batch.h"

#include <algorithm>

#include "frontend/picture_config.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// An example with the visual tokens in the place of its picture.
struct Expanded {
  std::vector<int32_t> tokens, labels;
};

Expanded expand(const Example& example, int64_t visual_tokens, BatchSequence& sequence) {
  Expanded out;
  for (size_t i = 0; i < example.tokens.size(); ++i) {
    if (example.tokens[i] != kPictureToken) {
      out.tokens.push_back(example.tokens[i]);
      out.labels.push_back(example.labels[i]);
      if (!example.picture.empty() && example.labels[i] == kNoLabel) sequence.asked.push_back(example.tokens[i]);
      continue;
    }
    sequence.picture_row = sequence.first + int64_t(out.tokens.size());
    for (int32_t v = 0; v < int32_t(visual_tokens); ++v) out.tokens.push_back(-1 - v);
    out.labels.resize(out.tokens.size(), kNoLabel);
  }
  sequence.length = int64_t(out.tokens.size());
  return out;
}

class BatchMaker {
 public:
  BatchMaker(const Dataset& dataset, int64_t rows) : dataset_(&dataset) {
    batch_.tokens.assign(size_t(rows), dataset.padding().token);
    batch_.positions.assign(size_t(rows), 0);
    batch_.labels.assign(size_t(rows), kNoLabel);
    batch_.weights.assign(size_t(rows), 0);
    batch_.attended.assign(size_t(rows), 0);
  }

  // `rows`: of the sequence with its padding; 0: without.
  void add(uint32_t example, int64_t first, int64_t rows) {
    const Padding& padding = dataset_->padding();
    BatchSequence sequence{.example = example, .first = first, .picture = (*dataset_)[example].picture};
    Expanded expanded = expand((*dataset_)[example], dataset_->visual_tokens(), sequence);
    sequence.rows = std::max(rows, sequence.length);
    expanded.labels.resize(size_t(sequence.rows), padding.learnt ? padding.token : kNoLabel);
    for (int64_t i = 0; i < sequence.rows; ++i) {
      const size_t row = size_t(first + i);
      batch_.positions[row] = int32_t(i);
      if (i + 1 < sequence.rows) batch_.labels[row] = expanded.labels[size_t(i + 1)];
      batch_.trained += batch_.labels[row] != kNoLabel;
      if (i >= sequence.length) continue;
      batch_.tokens[row] = expanded.tokens[size_t(i)];
      batch_.attended[row] = !padding.learnt || batch_.tokens[row] != padding.token;
    }
    batch_.sequences.push_back(std::move(sequence));
  }

  Batch finish() {
    for (size_t row = 0; row < batch_.labels.size(); ++row)
      if (batch_.labels[row] != kNoLabel) batch_.weights[row] = 1.0f / float(batch_.trained);
    return std::move(batch_);
  }

 private:
  const Dataset* dataset_;
  Batch batch_;
};

}  // namespace

Result<Batch> make_batch(const Dataset& dataset, std::span<const uint32_t> examples, const BatchOptions& options) {
  if (examples.empty()) return invalid("[dataset] expected at least one example for a batch, given none.");
  int64_t longest = 0, all = 0;
  for (const uint32_t example : examples) {
    if (example >= dataset.size())
      return invalid(join("[dataset] expected examples below ", dataset.size(), ", given ", example, "."));
    longest = std::max(longest, dataset.rows(example));
    all += dataset.rows(example);
  }
  const bool packed = options.layout == BatchLayout::packed;
  if (packed && all > options.rows)
    return invalid(join("[dataset] expected at most ", options.rows, " rows in a packed batch, given ", all, "."));
  const int64_t multiple = std::max<int64_t>(options.multiple, 1);
  const int64_t each = (longest + multiple - 1) / multiple * multiple;
  BatchMaker maker(dataset, packed ? options.rows : each * int64_t(examples.size()));
  int64_t first = 0;
  for (const uint32_t example : examples) {
    maker.add(example, first, packed ? 0 : each);
    first += packed ? dataset.rows(example) : each;
  }
  return maker.finish();
}

}  // namespace lorikeet
