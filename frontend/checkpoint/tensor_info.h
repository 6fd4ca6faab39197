// Where one tensor of a model file lies: plain data that every reader of this folder returns.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/dtype.h"

namespace lorikeet {

struct TensorInfo {
  std::string name;
  DType type = DType::f32;
  std::vector<uint64_t> shape;    // row-major, as numpy prints it: (rows, columns)
  std::vector<uint64_t> strides;  // in elements; empty where the bytes are dense, as they are in all but torch files
  uint32_t file = 0;              // index of the file that holds it
  uint64_t offset = 0;            // of the first element, in bytes from the start of that file
  uint64_t bytes = 0;             // of the dense tensor

  uint64_t columns() const { return shape.empty() ? 1 : shape.back(); }
  uint64_t rows() const;
  uint64_t elements() const { return rows() * columns(); }
};

inline uint64_t TensorInfo::rows() const {
  uint64_t product = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i) product *= shape[i];
  return product;
}

// a * b, or nothing if it does not fit.
inline std::optional<uint64_t> checked_product(uint64_t a, uint64_t b) {
  if (b != 0 && a > std::numeric_limits<uint64_t>::max() / b) return std::nullopt;
  return a * b;
}

// Bytes of a dense tensor; nothing if the size does not fit 63 bits or the columns do not divide into blocks.
std::optional<uint64_t> dense_bytes(DType type, const std::vector<uint64_t>& shape);

std::string shape_text(const std::vector<uint64_t>& shape);  // "(576, 1536)"

}  // namespace lorikeet
