// Element types of tensors, by the names that GGUF files and the field use.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lorikeet {

enum class DType : uint8_t {
  f32,
  f16,
  bf16,
  i32,
  u32,
  i8,
  i16,
  i64,
  f64,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q4_k,
  q5_k,
  q6_k,  // used as they are by every kernel that takes weights
  q2_k,
  q3_k,
  iq4_nl,
  iq4_xs,
  mxfp4,  // dequantised to f16 when a model is loaded
  u8,
  boolean,  // occur in files only; a boolean is a byte
};

// How a type stores its elements in a file: `block` consecutive elements of a row in `bytes` bytes.
struct DTypeLayout {
  std::string_view name;
  uint32_t block;
  uint32_t bytes;
};

DTypeLayout layout(DType type);
std::optional<DType> dtype_from_name(std::string_view name);  // "q4_1"; case-sensitive
inline std::string_view name(DType type) { return layout(type).name; }

// Bytes of one row of `columns` elements as files store it. `columns` must be a multiple of the block.
inline uint64_t row_bytes(DType type, uint64_t columns) { return columns / layout(type).block * layout(type).bytes; }

}  // namespace lorikeet
