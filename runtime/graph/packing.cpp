#include "runtime/graph/packing.h"

#include <algorithm>

namespace lorikeet {

UnitLayout unit_layout(DType type) {
  switch (type) {
    case DType::f32: return {32, 32};
    case DType::f16:
    case DType::bf16: return {32, 16};
    case DType::q8_0: return {32, 9};    // 8 words of int8, f32 scale
    case DType::q4_0: return {64, 9};    // 8 words of nibbles, 2 x f16 scale
    case DType::q4_1: return {32, 5};    // 4 words of nibbles, f16 scale and minimum
    case DType::q5_0: return {64, 11};   // 8 words of nibbles, 2 of fifth bits, 2 x f16 scale
    case DType::q5_1: return {32, 6};    // 4 words of nibbles, 1 of fifth bits, f16 scale and minimum
    case DType::q4_k: return {256, 37};  // 32 words of nibbles, 4 of scales and minima, f16 d and dmin
    case DType::q5_k: return {256, 45};  // 32 words of nibbles, 8 of fifth bits, 4 of scales and minima, f16 d and dmin
    case DType::q6_k: return {256, 53};  // 32 words of nibbles, 16 of upper bits, 4 of scales, f32 d
    default: return {};
  }
}

int64_t units(DType type, int64_t columns) {
  const int64_t width = unit_layout(type).columns;
  return (columns + width - 1) / width;
}

uint64_t group_bytes(DType type, int64_t columns) {
  return uint64_t(units(type, columns)) * unit_layout(type).words * 4 * uint64_t(kGroupRows);
}

uint64_t packed_bytes(DType type, int64_t rows, int64_t columns) {
  return uint64_t(padded_rows(rows) / kGroupRows) * group_bytes(type, columns);
}

Pages pages(DType type, int64_t rows, int64_t columns, const DeviceProfile& profile) {
  const int64_t groups = padded_rows(rows) / kGroupRows;
  const int64_t fit = int64_t(profile.max_storage_range / group_bytes(type, columns)) / 2 * 2;
  return {std::min(std::max<int64_t>(fit, 2), std::max<int64_t>(groups, 1)), groups};
}

}  // namespace lorikeet
