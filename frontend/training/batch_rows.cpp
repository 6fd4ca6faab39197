#include "frontend/training/batch_rows.h"

#include <algorithm>

#include "frontend/control.h"
#include "shaders/span_attention.h"

namespace lorikeet {

int64_t batch_control_words(int64_t rows) { return int64_t(ControlTables(uint32_t(rows), 1, 1).words()); }

BatchRows batch_rows(const Batch& batch, int64_t rows, const BatchRowsOptions& options) {
  BatchRows words;
  std::vector<shader::Row> table;
  for (int64_t r = 0; r < rows; ++r) {
    const bool inside = r < batch.rows();
    const int32_t token = inside ? batch.tokens[size_t(r)] : 0;
    table.push_back(
        token >= 0 ? shader::Row{0, inside ? uint32_t(batch.positions[size_t(r)]) : 0, uint32_t(token), 0}
                   : shader::Row{0, uint32_t(batch.positions[size_t(r)]), uint32_t(-1 - token), shader::kRowVisual});
    const int32_t label = inside ? batch.labels[size_t(r)] : kNoLabel;
    words.target.push_back(label == kNoLabel ? 0 : uint32_t(label));
    words.loss_weights.push_back(inside ? batch.weights[size_t(r)] : 0);
    words.counted.push_back(inside && (options.count_padding || batch.attended[size_t(r)]) ? 1.0f : 0.0f);
    words.balanced.push_back(inside && batch.attended[size_t(r)] ? 1.0f : 0.0f);
    // Alone, unless a sequence says otherwise below.
    words.spans.insert(words.spans.end(), {uint32_t(r), uint32_t(r + 1), uint32_t(r), uint32_t(r + 1)});
  }
  uint32_t pictures = 0;
  for (const BatchSequence& sequence : batch.sequences) {
    const uint32_t first = uint32_t(sequence.first), end = uint32_t(sequence.first + sequence.rows);
    for (uint32_t r = first; r < end; ++r) {
      if (sequence.picture_row >= 0 && table[r].flags == shader::kRowVisual)
        table[r].token += pictures * uint32_t(options.visual_tokens);
      const uint32_t window = options.window > 0 ? uint32_t(options.window) : end;
      uint32_t* span = words.spans.data() + size_t(r) * shader::kSpanWords;
      const bool attended = batch.attended[r] != 0;
      span[0] = r + 1 - std::min(r + 1 - first, window);
      span[1] = r + 1;
      span[2] = r;
      span[3] = attended ? std::min(end, r + window) : r;
    }
    pictures += sequence.picture_row >= 0;
  }
  const auto add_up_to_one = [](std::vector<float>& weights) {
    const float sum = float(std::count(weights.begin(), weights.end(), 1.0f));
    for (float& weight : weights) weight = sum > 0 ? weight / sum : 0;
  };
  add_up_to_one(words.counted);
  add_up_to_one(words.balanced);
  ControlTables tables(uint32_t(rows), 1, 1);
  tables.set_rows(table, {}, uint32_t(rows));
  words.control = tables.table();
  return words;
}

std::vector<uint32_t> asked_table(const Batch& batch, int64_t rows) {
  std::vector<shader::Row> table;
  for (const BatchSequence& sequence : batch.sequences) {
    if (sequence.picture_row < 0) continue;
    for (size_t i = 0; i < size_t(rows); ++i)
      table.push_back(i < sequence.asked.size() ? shader::Row{0, uint32_t(i), uint32_t(sequence.asked[i]), 0}
                                                : shader::Row{.slot = shader::kNoSlot});
  }
  const uint32_t count = uint32_t(table.size());
  ControlTables tables(count, 1, 1);
  tables.set_rows(table, {}, count);
  return tables.table();
}

}  // namespace lorikeet
