// GGUF, versions 2 and 3: reading. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "frontend/checkpoint/gguf_metadata.h"
#include "frontend/checkpoint/tensor_info.h"

namespace lorikeet {

struct GgufFile {
  uint32_t version = 3;
  uint64_t alignment = 32;
  uint64_t data_offset = 0;         // where the tensors' bytes begin
  GgufMetadata metadata;            // its values point into the parsed bytes
  std::vector<TensorInfo> tensors;  // in the file's order; offsets from the start of the file, `file` is 0
};

bool is_gguf(Bytes bytes);  // by its first four bytes

// Every length, offset and count is checked against `bytes` before it is used; `file` is for the messages.
// Errors: corrupt, or unsupported (another version, a big-endian file, a tensor type that is not in DType).
Result<GgufFile> parse_gguf(Bytes bytes, const std::string& file);

// The number that GGUF gives to a type; nothing for types that it does not have (u32, u8, bool).
std::optional<uint32_t> gguf_tensor_type(DType type);

}  // namespace lorikeet
