// The packed layout of weight matrices: one layout a type, the same bytes on every device, read by every kernel.
//
// 32 rows form a group; missing rows of the last group are zero. Along the columns a matrix is cut into units of
// `unit_columns`, each `unit_words` 32-bit words; missing columns of the last unit are zero weights.
// Word j of unit u of row 32 g + lane lies at ((g * units + u) * unit_words + j) * 32 + lane.
// What the words of a unit hold is said in shaders/common/weights.glsl.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/device_profile.h"
#include "runtime/base/dtype.h"

namespace lorikeet {

constexpr int64_t kGroupRows = 32;

struct UnitLayout {
  uint32_t columns = 0;  // 0: this type is not a packed weight type
  uint32_t words = 0;
};

UnitLayout unit_layout(DType type);

inline int64_t padded_rows(int64_t rows) { return (rows + kGroupRows - 1) / kGroupRows * kGroupRows; }
int64_t units(DType type, int64_t columns);
uint64_t group_bytes(DType type, int64_t columns);                 // 32 rows
uint64_t packed_bytes(DType type, int64_t rows, int64_t columns);  // rows padded

// A matrix larger than one storage binding is a list of pages: ranges of row groups, each within the limit.
// All pages but the last hold the same even number of groups. `block_rows` > 0: the rows are blocks of that many (the
// experts of a stack; a multiple of 32), and a page holds whole ones if it can hold one at all.
struct Pages {
  int64_t groups_per_page = 0;
  int64_t groups = 0;
  int64_t count() const { return (groups + groups_per_page - 1) / groups_per_page; }
};
Pages pages(DType type, int64_t rows, int64_t columns, const DeviceProfile& profile, int64_t block_rows = 0);

}  // namespace lorikeet
