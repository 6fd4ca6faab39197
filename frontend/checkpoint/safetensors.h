// safetensors: reading and writing. https://github.com/huggingface/safetensors#format
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "frontend/checkpoint/cursor.h"
#include "frontend/checkpoint/tensor_info.h"
#include "runtime/base/result.h"

namespace lorikeet {

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;  // "__metadata__"
  std::vector<TensorInfo> tensors;              // by offset; offsets from the start of the file, `file` is 0
};

// The header and every offset are checked against `bytes`; `file` is for the messages.
// Errors: corrupt (also for overlapping tensors and names that occur twice), or unsupported (an 8-bit float, for one).
Result<SafetensorsFile> parse_safetensors(Bytes bytes, const std::string& file);

// A tensor to write: dense bytes of `shape` in the file's own order.
struct NamedBytes {
  std::string name;
  DType type = DType::f32;
  std::vector<uint64_t> shape;
  Bytes bytes;
};

// Writes the whole file or none of it. Quantised types are refused: the format has none.
Status write_safetensors(const std::filesystem::path& path, const std::vector<NamedBytes>& tensors,
                         const std::map<std::string, std::string>& metadata = {});

}  // namespace lorikeet
