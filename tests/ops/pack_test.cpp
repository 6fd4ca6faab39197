// Packing cuts a matrix into chunks that fit the staging ring and puts every row where it belongs.
#include <cstring>
#include <set>

#include "runtime/graph/packing.h"
#include "runtime/ops/pack.h"
#include "runtime/plan/upload.h"
#include "runtime/plan/weight_loader.h"
#include "shaders/pack.h"
#include "tests/ops/matrix.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"

namespace lorikeet::test {
namespace {

shader::PackParams params_of(const PackChunk& chunk) {
  shader::PackParams params;
  REQUIRE(chunk.dispatch.params.size() == sizeof params);
  std::memcpy(&params, chunk.dispatch.params.data(), sizeof params);
  return params;
}

// Row of the file that a matrix row comes from.
int64_t source_row(int64_t row, int64_t head) {
  if (head == 0) return row;
  const int64_t in_head = row % head;
  return row - in_head + in_head % (head / 2) * 2 + in_head / (head / 2);
}

void check_chunks(const PackRequest& request, const DeviceProfile& profile) {
  const auto chunks = pack_chunks(request, profile);
  if (!chunks) FAIL(chunks.error().message);
  const Pages split = pages(request.type, request.storage_rows, request.columns, profile);
  std::set<int64_t> written;
  for (const PackChunk& chunk : *chunks) {
    const shader::PackParams params = params_of(chunk);
    CHECK(chunk.source_bytes <= request.chunk_bytes);
    CHECK(chunk.page < split.count());
    CHECK((int64_t(params.page_row) + params.count) <= split.groups_per_page * kGroupRows);
    CHECK(params.count % kGroupRows == 0);
    for (int64_t row = params.first; row < int64_t(params.first + params.count); ++row) {
      CHECK(written.insert(row).second);
      if (row >= request.rows) continue;
      const int64_t from = source_row(row, request.interleaved_head_rows);
      if (from < chunk.source_first || from >= chunk.source_first + chunk.source_rows)
        FAIL("row " << row << " is not staged");
    }
  }
  CHECK(int64_t(written.size()) == padded_rows(request.rows));
}

}  // namespace

TEST_CASE("pack chunks cover every row once and stage what they read", "[pack]") {
  DeviceProfile profile;
  profile.max_storage_range = 1 << 20;
  check_chunks({DType::q4_1, 576, 576, 64, 0, 960, 64 << 10}, profile);
  check_chunks({DType::q4_1, 192, 576, 64, 576, 960, 64 << 10}, profile);
  check_chunks({DType::q8_0, 1000, 1024, 0, 32, 1032, 100'000}, profile);
  check_chunks({DType::f32, 240, 1030, 80, 0, 240, 800'000}, profile);  // heads and pages do not divide each other
  check_chunks({DType::f32, 960, 1030, 80, 0, 960, 1'000'000}, profile);
  check_chunks({DType::f32, 33, 1, 0, 0, 33, 4096}, profile);
}

TEST_CASE("pack refuses what does not fit", "[pack]") {
  const DeviceProfile profile;
  CHECK_FALSE(pack_chunks({DType::q4_1, 32, 33, 0, 0, 32, 1 << 20}, profile).ok());
  CHECK_FALSE(pack_chunks({DType::q2_k, 32, 256, 0, 0, 32, 1 << 20}, profile).ok());
  CHECK_FALSE(pack_chunks({DType::q4_1, 32, 32, 0, 16, 64, 1 << 20}, profile).ok());
  CHECK_FALSE(pack_chunks({DType::q4_1, 32, 32, 0, 32, 32, 1 << 20}, profile).ok());
  CHECK_FALSE(pack_chunks({DType::q4_1, 32, 32, 12, 0, 32, 1 << 20}, profile).ok());
  CHECK_FALSE(pack_chunks({DType::f32, 64, 1024, 64, 0, 64, 1 << 16}, profile).ok());
}

TEST_CASE("pack restores rotary order and pads with zeros", "[pack]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const int64_t rows = 48, columns = 45, head = 16, first_row = 32;
  const Matrix source = random_matrix(DType::f32, rows, columns, 4);
  const uint64_t bytes = packed_bytes(DType::f32, first_row + rows, columns);
  auto buffer = device->create_buffer({bytes, MemoryUse::device, "packed"});
  REQUIRE(buffer.ok());
  KernelLibrary kernels;
  auto loader = WeightLoader::create(*device, kernels);
  REQUIRE(loader.ok());
  const auto slices = page_slices({&*buffer, 0, bytes}, DType::f32, {"w", 0, first_row + rows}, columns, device->profile());
  const auto loaded =
      loader->load_matrix({DType::f32, rows, columns, source.bytes, head}, slices, {"w", first_row, first_row + rows});
  if (!loaded) FAIL(loaded.error().message);
  REQUIRE(loader->finish().ok());
  const auto packed = download(*device, {&*buffer, 0, bytes});
  REQUIRE(packed.ok());
  std::vector<float> words(bytes / 4);
  std::memcpy(words.data(), packed->data(), bytes);
  const int64_t row_units = units(DType::f32, columns);
  size_t wrong = 0;
  for (int64_t row = 0; row < padded_rows(rows); ++row) {
    for (int64_t column = 0; column < row_units * 32; ++column) {
      const int64_t at = (((first_row + row) / 32 * row_units + column / 32) * 32 + column % 32) * 32 + row % 32;
      const bool inside = row < rows && column < columns;
      const float expected = inside ? source.values[size_t(source_row(row, head) * columns + column)] : 0.0f;
      if (words[size_t(at)] != expected) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace lorikeet::test
