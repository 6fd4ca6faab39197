// ZIP files whose entries are stored, not compressed: written entry by entry.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "frontend/checkpoint/cursor.h"
#include "frontend/checkpoint/output_file.h"
#include "runtime/base/result.h"

namespace lorikeet {

uint32_t crc32(Bytes bytes);  // of ZIP and zlib

// Nothing appears under the file's name before `finish`. Sizes and counts beyond 32 and 16 bits are written as ZIP64
// does. The same entries give the same bytes: every date is that of ZIP's first day.
class ZipWriter {
 public:
  static Result<ZipWriter> create(const std::filesystem::path& path);

  // Its content begins at a multiple of `alignment`, a power of two up to 4096, by padding as torch writes it.
  // Errors: invalid_argument (a name that is too long), io.
  Status add(const std::string& name, Bytes content, uint64_t alignment = 1);
  Status finish();

 private:
  struct Entry {
    std::string name;
    uint32_t crc;
    uint64_t size, offset;
  };
  explicit ZipWriter(OutputFile file) : file_(std::move(file)) {}
  void write_directory();

  OutputFile file_;
  std::vector<Entry> entries_;
};

}  // namespace lorikeet
