#include "runtime/plan/weight_loader.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/pack.h"

namespace lorikeet {
namespace {

constexpr uint64_t kChunkBytes = 4 << 20;
constexpr uint32_t kChunks = 4;

}  // namespace

std::vector<Slice> page_slices(const Slice& whole, DType type, const StorageRef& storage, int64_t columns,
                               const DeviceProfile& profile) {
  const Pages split = pages(type, storage.rows, columns, profile, storage.block_rows);
  const uint64_t group = group_bytes(type, columns);
  std::vector<Slice> slices;
  for (int64_t page = 0; page < split.count(); ++page) {
    const int64_t first = page * split.groups_per_page;
    slices.push_back({whole.buffer, whole.offset + uint64_t(first) * group,
                      uint64_t(std::min(split.groups_per_page, split.groups - first)) * group});
  }
  return slices;
}

Result<WeightLoader> WeightLoader::create(Device& device, KernelLibrary& kernels) {
  WeightLoader loader;
  loader.device_ = &device;
  loader.kernels_ = &kernels;
  return loader;
}

// The ring is made when the first piece tells how much a group of its rows needs.
Status WeightLoader::make_room(uint64_t bytes) {
  if (uploader_ && uploader_->slot_bytes() >= bytes) return Done{};
  if (uploader_) LK_TRY(uploader_->finish());
  LK_ASSIGN(Uploader uploader, Uploader::create(*device_, std::max(bytes, kChunkBytes), kChunks));
  uploader_ = std::make_unique<Uploader>(std::move(uploader));
  return Done{};
}

Status WeightLoader::load_matrix(const MatrixSource& source, const std::vector<Slice>& pages, const StorageRef& place) {
  const uint64_t expected = row_bytes(source.type, uint64_t(source.columns)) * uint64_t(source.rows);
  if (source.bytes.size() != expected)
    return corrupt(join("a matrix of ", source.rows, " x ", source.columns, " ", name(source.type), " has ", expected,
                        " bytes, ", source.bytes.size(), " were given."));
  const uint64_t smallest =
      row_bytes(source.type, uint64_t(source.columns)) * uint64_t(kGroupRows + 2 * source.interleaved_head_rows) + 8;
  LK_TRY(make_room(smallest));
  LK_ASSIGN(const auto chunks, pack_chunks({.type = source.type,
                                            .rows = source.rows,
                                            .columns = source.columns,
                                            .interleaved_head_rows = source.interleaved_head_rows,
                                            .first_row = place.first_row,
                                            .storage_rows = place.rows,
                                            .chunk_bytes = uploader_->slot_bytes(),
                                            .block_rows = place.block_rows},
                                           device_->profile()));
  for (const PackChunk& chunk : chunks) {
    LK_TRY(kernels_->compile(*device_, {&chunk.dispatch}));
    LK_ASSIGN(const Uploader::Slot slot, uploader_->acquire());
    std::memcpy(slot.bytes.data(), source.bytes.data() + chunk.source_offset, chunk.source_bytes);
    LK_ASSIGN(Recorder recorder, Recorder::begin(*device_, "pack"));
    recorder.barrier();
    const Slice staged{slot.slice.buffer, slot.slice.offset, (chunk.source_bytes + 3) / 4 * 4};
    const Slice slices[] = {staged, pages[size_t(chunk.page)]};
    const Grid& grid = chunk.dispatch.groups;
    LK_TRY(recorder.dispatch(*kernels_->find(chunk.dispatch), slices, chunk.dispatch.params, {grid.x, grid.y, grid.z}));
    LK_ASSIGN(CommandBuffer commands, recorder.end());
    LK_TRY(uploader_->send(slot, std::move(commands)));
  }
  return Done{};
}

Status WeightLoader::load_vector(std::span<const float> values, const Slice& target) {
  LK_TRY(make_room(kChunkBytes));
  return uploader_->write({target.buffer, target.offset, values.size_bytes()}, std::as_bytes(values));
}

Status WeightLoader::finish() { return uploader_ ? uploader_->finish() : Status(Done{}); }

}  // namespace lorikeet
