// Mapped files and the tensors in them, whatever their format.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "frontend/checkpoint/cursor.h"
#include "frontend/checkpoint/tensor_info.h"
#include "runtime/base/file.h"
#include "runtime/base/result.h"

namespace lorikeet {

// Owns the maps. Reading (`find`, `data`, `release`) may be done from several threads at once.
class TensorFiles {
 public:
  TensorFiles();
  TensorFiles(TensorFiles&&) noexcept;
  TensorFiles& operator=(TensorFiles&&) noexcept;
  ~TensorFiles();

  // Maps a file for `add`; the returned number is the one to put into TensorInfo::file.
  Result<uint32_t> map(const std::filesystem::path& path);
  const MappedFile& file(uint32_t index) const { return files_[index]; }
  Status add(std::vector<TensorInfo> tensors);  // an error if a name is there already
  // Takes over the tensors of other files whose name begins with `only`, with `prefix` before it, unless they are here.
  void adopt(TensorFiles other, std::string_view only, std::string_view prefix);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const TensorInfo* find(std::string_view name) const;
  uint64_t file_bytes() const;  // of all files

  // The dense bytes, at any alignment, valid until `release` or the end of this object. Strided tensors are gathered
  // into memory of our own on the first call.
  Result<Bytes> data(const TensorInfo& tensor) const;
  // The tensor's bytes are not needed soon: its pages no longer count as used memory.
  void release(const TensorInfo& tensor) const;

 private:
  struct Gathered;  // dense copies of strided tensors

  std::vector<MappedFile> files_;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string, size_t> index_;
  std::unique_ptr<Gathered> gathered_;
};

}  // namespace lorikeet
