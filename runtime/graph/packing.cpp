#include "runtime/graph/packing.h"

#include <algorithm>

#include "shaders/units.h"

namespace lorikeet {

UnitLayout unit_layout(DType type) {
  using namespace shader;
  switch (type) {
    case DType::f32:
      return {kF32Columns, kF32Words};
    case DType::f16:
    case DType::bf16:
      return {kF16Columns, kF16Words};
    case DType::q8_0:
      return {kQ80Columns, kQ80Words};
    case DType::q4_0:
      return {kQ40Columns, kQ40Words};
    case DType::q4_1:
      return {kQ41Columns, kQ41Words};
    case DType::q5_0:
      return {kQ50Columns, kQ50Words};
    case DType::q5_1:
      return {kQ51Columns, kQ51Words};
    case DType::q4_k:
      return {kQ4KColumns, kQ4KWords};
    case DType::q5_k:
      return {kQ5KColumns, kQ5KWords};
    case DType::q6_k:
      return {kQ6KColumns, kQ6KWords};
    default:
      return {};
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

Pages pages(DType type, int64_t rows, int64_t columns, const DeviceProfile& profile, int64_t block_rows) {
  const int64_t groups = padded_rows(rows) / kGroupRows;
  int64_t fit = int64_t(profile.max_storage_range / group_bytes(type, columns)) / 2 * 2;
  const int64_t block = block_rows / kGroupRows, whole = block % 2 == 0 ? block : 2 * block;
  if (block > 0 && fit >= whole) fit = fit / whole * whole;
  return {std::min(std::max<int64_t>(fit, 2), std::max<int64_t>(groups, 1)), groups};
}

}  // namespace lorikeet
