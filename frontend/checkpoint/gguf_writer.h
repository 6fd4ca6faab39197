// GGUF, version 3: writing.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/checkpoint/gguf_metadata.h"
#include "frontend/checkpoint/output_file.h"
#include "frontend/checkpoint/tensor_info.h"
#include "runtime/base/result.h"

namespace lorikeet {

// Keys in the order in which they were first set, tensors in the order in which they were added: plain data.
class GgufHeader {
 public:
  void set_natural(std::string_view key, uint32_t value);
  void set_number(std::string_view key, float value);
  void set_double(std::string_view key, double value);
  void set_flag(std::string_view key, bool value);
  void set_text(std::string_view key, std::string_view value);
  void set_integers(std::string_view key, const std::vector<int32_t>& values);
  void set_numbers(std::string_view key, const std::vector<float>& values);
  void set_flags(std::string_view key, const std::vector<bool>& values);
  void set_texts(std::string_view key, const std::vector<std::string>& values);
  void copy(std::string_view key, const GgufValue& value);  // as another file has it
  void remove(std::string_view key);

  // A power of two; 32 where it is not set. Also sets general.alignment, if it is not there yet.
  void set_alignment(uint32_t alignment);

  // Errors: invalid_argument (a type that GGUF lacks, an illegal shape, a name that is there already).
  Status add_tensor(std::string_view name, DType type, const std::vector<uint64_t>& shape);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }  // offsets from the start of the file's data
  uint64_t alignment() const { return alignment_; }
  std::string bytes() const;    // all that comes before the data, padded
  uint64_t file_bytes() const;  // of the whole file

 private:
  struct Entry {
    std::string key;
    GgufType type;
    std::string payload;  // as it follows the type in the file
  };
  void put(std::string_view key, GgufType type, std::string payload);

  std::vector<Entry> entries_;
  std::vector<TensorInfo> tensors_;
  uint64_t alignment_ = 32;
  uint64_t data_bytes_ = 0;
};

// Streams the tensors' bytes after a header, in the header's order and in pieces of any size. Nothing appears under the
// file's name before `finish`.
class GgufWriter {
 public:
  static Result<GgufWriter> create(const std::filesystem::path& path, const GgufHeader& header);

  // The next bytes of the data; a piece must not reach beyond its tensor. Errors: invalid_argument, io.
  Status write(Bytes bytes);
  Status finish();  // invalid_argument if bytes are missing

 private:
  GgufWriter(OutputFile file, std::vector<uint64_t> sizes, uint64_t alignment);
  void close_tensors();  // pads after each tensor that is complete

  OutputFile file_;
  std::vector<uint64_t> sizes_;
  uint64_t alignment_;
  size_t tensor_ = 0;     // the one that is being written
  uint64_t written_ = 0;  // of it
};

}  // namespace lorikeet
