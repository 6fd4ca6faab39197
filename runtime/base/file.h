// Files: read-only memory maps, whole reads, and writes that are complete or absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace lorikeet {

// Owns a read-only mapping of one file. Move-only. An empty file maps to an empty span.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  // Bytes that are there as long as the program, under a name.
  static MappedFile of(const std::filesystem::path& name, std::span<const std::byte> bytes);
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const;
  const std::filesystem::path& path() const;
  // Tells the system that these bytes are not needed soon, so that they no longer count as used memory.
  void release(uint64_t offset, uint64_t size) const;

 private:
  struct Impl;
  explicit MappedFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Returns when the file's bytes are on the disk, so that a name it is given afterwards never stands for less.
Status sync_file(const std::filesystem::path& path);

Result<std::string> read_text(const std::filesystem::path& path);
// Writes beside the target, then renames: a kill at any moment leaves the old file or the new one.
Status write_whole(const std::filesystem::path& path, std::string_view content);

}  // namespace lorikeet
