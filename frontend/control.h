// The host's copy of the control tables (shaders/control.h) of a session.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/plan/upload.h"
#include "shaders/control.h"

namespace lorikeet {

class ControlTables {
 public:
  ControlTables(uint32_t rows, uint32_t slots, uint32_t blocks_per_slot);

  uint64_t words() const { return words_.size(); }
  const std::vector<uint32_t>& table() const { return words_; }
  // Rows of the next run; every row of `wanted` gets logits. Rows beyond are padding up to `padded`.
  void set_rows(std::span<const shader::Row> rows, std::span<const uint32_t> wanted, uint32_t padded);
  void set_slot(uint32_t slot, const shader::Slot& value);
  void set_blocks(uint32_t slot, std::span<const uint32_t> blocks);

  Status upload_rows(Uploader& uploader, const Slice& table) const;  // step, rows, wanted list
  Status upload_slot(Uploader& uploader, const Slice& table, uint32_t slot) const;
  Status upload_blocks(Uploader& uploader, const Slice& table) const;

 private:
  Status upload(Uploader& uploader, const Slice& table, uint64_t first, uint64_t count) const;
  shader::Step step_{};
  uint64_t rows_words_ = 0;  // of the rows in use
  std::vector<uint32_t> words_;
};

// A table for the rows of one run, without conversations: its one slot has the rows' own places.
ControlTables table_of_run(int64_t rows);
// The same with its rows set: every position of a picture sees all others.
ControlTables table_of_picture(int64_t positions);

}  // namespace lorikeet
