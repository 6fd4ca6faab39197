#include "runtime/ops/pack.h"

#include <algorithm>
#include <numeric>

#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "shaders/pack.h"

namespace lorikeet {
namespace {

constexpr int64_t kUnitsPerGroup = 4;       // local_size_y of pack.comp
constexpr int64_t kMaxColumns = 8'000'000;  // 65,535 groups of 4 units of 32

Status check(const PackRequest& r) {
  if (unit_layout(r.type).columns == 0) return invalid(join("[pack] ", name(r.type), " is not a packed weight type."));
  if (r.rows < 1 || r.columns < 1) return invalid(join("[pack] a matrix of ", r.rows, " x ", r.columns, " is empty."));
  if (r.rows >= int64_t(1) << 31 || r.columns > kMaxColumns)
    return invalid(join("[pack] a matrix of ", r.rows, " x ", r.columns, " is too large."));
  if (r.columns % layout(r.type).block != 0)
    return invalid(
        join("[pack] ", r.columns, " columns are not whole ", name(r.type), " blocks of ", layout(r.type).block, "."));
  if (r.first_row < 0 || r.first_row % kGroupRows != 0 || r.first_row + r.rows > r.storage_rows)
    return invalid(
        join("[pack] ", r.rows, " rows from row ", r.first_row, " do not fit a storage of ", r.storage_rows, " rows."));
  const int64_t head = r.interleaved_head_rows;
  if (head < 0 || (head > 0 && (head % 2 != 0 || r.rows % head != 0)))
    return invalid(join("[pack] heads of ", head, " rows do not divide ", r.rows, " rows."));
  return Done{};
}

// The file's rows that matrix rows first .. first + count - 1 come from: whole heads if they are permuted.
std::pair<int64_t, int64_t> source_range(const PackRequest& r, int64_t first, int64_t count) {
  const int64_t head = std::max<int64_t>(r.interleaved_head_rows, 1);
  const int64_t from = first / head * head;
  const int64_t to = std::min((std::min(first + count, r.rows) + head - 1) / head * head, r.rows);
  return {from, std::max<int64_t>(to - from, 0)};
}

// Rows of a chunk, a multiple of 32. Chunks of whole heads read what they write; where not even those fit, a chunk
// reads up to two heads more.
Result<int64_t> chunk_rows(const PackRequest& r, int64_t room) {
  const int64_t head = r.interleaved_head_rows;
  const int64_t whole = head > 0 ? std::lcm(kGroupRows, head) : kGroupRows;
  if (room >= whole) return room / whole * whole;
  const int64_t rows = (room - 2 * head) / kGroupRows * kGroupRows;
  if (rows < kGroupRows)
    return invalid(join("[pack] a chunk of ", r.chunk_bytes, " bytes holds ", room, " rows, at least ",
                        kGroupRows + 2 * head, " are needed."));
  return rows;
}

}  // namespace

Result<std::vector<PackChunk>> pack_chunks(const PackRequest& r, const DeviceProfile& profile) {
  LK_TRY(check(r));
  const uint64_t source_row = row_bytes(r.type, uint64_t(r.columns));
  const int64_t page_rows =
      pages(r.type, r.storage_rows, r.columns, profile, r.block_rows).groups_per_page * kGroupRows;
  LK_ASSIGN(const int64_t fit, chunk_rows(r, int64_t(r.chunk_bytes / source_row)));

  const int64_t row_units = units(r.type, r.columns);
  std::vector<PackChunk> chunks;
  const int64_t padded = padded_rows(r.rows);
  for (int64_t first = 0; first < padded;) {
    const int64_t at = r.first_row + first;
    const int64_t to_step = fit - first % fit;  // a page's end moves no later chunk
    const int64_t count = std::min({padded - first, to_step, page_rows - at % page_rows});
    const auto [source_first, source_rows] = source_range(r, first, count);
    shader::PackParams params{};
    params.rows = uint32_t(r.rows);
    params.columns = uint32_t(r.columns);
    params.first = uint32_t(first);
    params.count = uint32_t(count);
    params.source_first = uint32_t(source_first);
    params.source_rows = uint32_t(source_rows);
    params.source_row_bytes = uint32_t(source_row);
    params.page_row = uint32_t(at % page_rows);
    params.units = uint32_t(row_units);
    params.head_rows = uint32_t(r.interleaved_head_rows);
    PackChunk chunk{
        source_first,   source_rows, uint64_t(source_first) * source_row, uint64_t(source_rows) * source_row,
        at / page_rows, {}};
    chunk.dispatch = {.kernel = join("pack/", name(r.type)),
                      .params = params_bytes(params),
                      .groups = {groups_for(count, kGroupRows), groups_for(row_units, kUnitsPerGroup), 1},
                      .bytes = chunk.source_bytes + packed_bytes(r.type, count, r.columns)};
    chunks.push_back(std::move(chunk));
    first += count;
  }
  return chunks;
}

}  // namespace lorikeet
