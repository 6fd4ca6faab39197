#include "frontend/control.h"

#include <cstring>

namespace lorikeet {

using shader::kRowWords;
using shader::kSlotWords;
using shader::kStepWords;

static_assert(sizeof(shader::Step) == kStepWords * 4 && sizeof(shader::Row) == kRowWords * 4 &&
              sizeof(shader::Slot) == kSlotWords * 4);

ControlTables::ControlTables(uint32_t rows, uint32_t slots, uint32_t blocks_per_slot) {
  step_.slots = slots;
  step_.wanted_at = kStepWords;
  step_.rows_at = step_.wanted_at + rows;
  step_.slots_at = step_.rows_at + rows * kRowWords;
  step_.blocks_at = step_.slots_at + slots * kSlotWords;
  step_.blocks_per_slot = blocks_per_slot;
  words_.assign(step_.blocks_at + slots * blocks_per_slot, 0);
  std::memcpy(words_.data(), &step_, sizeof step_);
}

void ControlTables::set_rows(std::span<const shader::Row> rows, std::span<const uint32_t> wanted, uint32_t padded) {
  step_.rows = uint32_t(rows.size());
  step_.wanted = uint32_t(wanted.size());
  std::memcpy(words_.data(), &step_, sizeof step_);
  for (size_t i = 0; i < wanted.size(); ++i) words_[step_.wanted_at + i] = wanted[i];
  for (size_t i = wanted.size(); i < padded; ++i) words_[step_.wanted_at + i] = 0;
  const shader::Row padding{shader::kNoSlot, 0, 0, 0};
  for (size_t i = 0; i < padded; ++i)
    std::memcpy(words_.data() + step_.rows_at + i * kRowWords, i < rows.size() ? &rows[i] : &padding, sizeof padding);
  rows_words_ = step_.rows_at + uint64_t(padded) * kRowWords;
}

void ControlTables::set_slot(uint32_t slot, const shader::Slot& value) {
  std::memcpy(words_.data() + step_.slots_at + slot * kSlotWords, &value, sizeof value);
}

void ControlTables::set_blocks(uint32_t slot, std::span<const uint32_t> blocks) {
  for (size_t i = 0; i < blocks.size(); ++i) words_[step_.blocks_at + slot * step_.blocks_per_slot + i] = blocks[i];
}

Status ControlTables::upload(Uploader& uploader, const Slice& table, uint64_t first, uint64_t count) const {
  const Slice part{table.buffer, table.offset + first * 4, count * 4};
  return uploader.write(part, std::as_bytes(std::span(words_).subspan(first, count)));
}

Status ControlTables::upload_rows(Uploader& uploader, const Slice& table) const {
  return upload(uploader, table, 0, rows_words_);
}

Status ControlTables::upload_slot(Uploader& uploader, const Slice& table, uint32_t slot) const {
  return upload(uploader, table, step_.slots_at + slot * kSlotWords, kSlotWords);
}

Status ControlTables::upload_blocks(Uploader& uploader, const Slice& table) const {
  return upload(uploader, table, step_.blocks_at, words_.size() - step_.blocks_at);
}

ControlTables table_of_run(int64_t rows) {
  const uint32_t blocks = uint32_t((rows + shader::kKvBlockPositions - 1) / shader::kKvBlockPositions);
  ControlTables tables(uint32_t(rows), 1, blocks);
  std::vector<uint32_t> identity(blocks);
  for (uint32_t i = 0; i < blocks; ++i) identity[i] = i;
  tables.set_blocks(0, identity);
  return tables;
}

ControlTables table_of_picture(int64_t positions) {
  ControlTables tables = table_of_run(positions);
  const std::vector<shader::Row> rows(size_t(positions), shader::Row{0, uint32_t(positions - 1), 0, 0});
  tables.set_rows(rows, {}, uint32_t(positions));
  return tables;
}

}  // namespace lorikeet
