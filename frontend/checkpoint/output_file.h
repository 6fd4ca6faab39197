// A file that is written piece by piece and appears under its name only when it is complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "frontend/checkpoint/cursor.h"
#include "runtime/base/result.h"

namespace lorikeet {

// Writes to PATH.partial; `finish` renames it. Destroyed before that, it removes what it wrote. Move-only.
class OutputFile {
 public:
  static Result<OutputFile> create(const std::filesystem::path& path);
  OutputFile(OutputFile&&) = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  void write(Bytes bytes);   // a failure is kept and returned by `check` and `finish`
  void pad(uint64_t count);  // zero bytes
  uint64_t position() const { return position_; }
  Status check();
  Status finish();

 private:
  OutputFile(std::filesystem::path path, std::filesystem::path partial, std::ofstream out);

  std::filesystem::path path_, partial_;
  std::ofstream out_;
  uint64_t position_ = 0;
};

}  // namespace lorikeet
