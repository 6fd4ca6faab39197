#include "frontend/kv_cache.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/text.h"
#include "runtime/plan/upload.h"
#include "shaders/control.h"

namespace lorikeet {

using shader::kKvBlockPositions;

uint64_t KvCache::bytes(const DecoderConfig& config, DType type, int64_t places) {
  return row_bytes(type, uint64_t(config.kv_heads * config.head_dim)) * uint64_t(places) * 2 * uint64_t(config.layers);
}

Result<KvCache> KvCache::create(Device& device, const DecoderConfig& config, DType type, int64_t blocks) {
  KvCache cache;
  cache.type_ = type;
  cache.columns_ = config.kv_heads * config.head_dim;
  cache.layers_ = config.layers;
  LK_TRY(cache.allocate(device, blocks));
  for (int64_t block = blocks; block-- > 0;) cache.free_.push_back(uint32_t(block));
  return cache;
}

uint64_t KvCache::block_bytes() const { return row_bytes(type_, uint64_t(columns_)) * kKvBlockPositions; }
int64_t KvCache::places() const { return blocks_ * kKvBlockPositions; }

Status KvCache::allocate(Device& device, int64_t blocks) {
  const uint64_t size = block_bytes() * uint64_t(blocks);
  if (size > device.profile().max_storage_range)
    return unsupported(join("a KV cache of ", blocks * kKvBlockPositions, " positions needs ", size,
                            " bytes a layer, this device binds at most ", device.profile().max_storage_range,
                            "; use a shorter context or an f16 cache."));
  std::vector<Buffer> buffers;
  for (int64_t i = 0; i < 2 * layers_; ++i) {
    LK_ASSIGN(Buffer buffer,
              device.create_buffer({size, MemoryUse::device, join(i % 2 ? "cache.v." : "cache.k.", i / 2)}));
    buffers.push_back(std::move(buffer));
  }
  buffers_ = std::move(buffers);
  blocks_ = blocks;
  return Done{};
}

Slice KvCache::keys(int64_t layer) const {
  return {&buffers_[size_t(2 * layer)], 0, buffers_[size_t(2 * layer)].size()};
}
Slice KvCache::values(int64_t layer) const {
  return {&buffers_[size_t(2 * layer + 1)], 0, buffers_[size_t(2 * layer + 1)].size()};
}

uint32_t KvCache::take_block() {
  const uint32_t block = free_.back();
  free_.pop_back();
  return block;
}

void KvCache::give_back(uint32_t block) {
  free_.insert(std::upper_bound(free_.begin(), free_.end(), block, std::greater<>()), block);
}

Status KvCache::grow(Device& device, int64_t blocks) {
  const int64_t old_blocks = blocks_;
  std::vector<Buffer> old = std::move(buffers_);
  if (auto status = allocate(device, blocks); !status) {
    buffers_ = std::move(old);
    return status;
  }
  std::vector<SliceCopy> copies;
  for (size_t i = 0; i < old.size(); ++i)
    copies.push_back({{&old[i], 0, old[i].size()}, {&buffers_[i], 0, old[i].size()}});
  LK_TRY(copy_slices(device, copies));
  for (int64_t block = blocks; block-- > old_blocks;) give_back(uint32_t(block));
  return Done{};
}

Status KvCache::copy_blocks(Device& device, const std::vector<uint32_t>& from, const std::vector<uint32_t>& to) const {
  const uint64_t bytes = block_bytes();
  std::vector<SliceCopy> copies;
  for (const Buffer& buffer : buffers_)
    for (size_t i = 0; i < from.size(); ++i)
      copies.push_back({{&buffer, from[i] * bytes, bytes}, {&buffer, to[i] * bytes, bytes}});
  return copy_slices(device, copies);
}

Result<std::vector<std::byte>> KvCache::read_blocks(Device& device, const std::vector<uint32_t>& blocks) const {
  const uint64_t bytes = block_bytes();
  std::vector<std::byte> result;
  for (const Buffer& buffer : buffers_) {
    for (uint32_t block : blocks) {
      LK_ASSIGN(const auto part, download(device, {&buffer, block * bytes, bytes}));
      result.insert(result.end(), part.begin(), part.end());
    }
  }
  return result;
}

Status KvCache::write_blocks(Device& device, const std::vector<uint32_t>& blocks,
                             std::span<const std::byte> bytes) const {
  LK_ASSIGN(Uploader uploader, Uploader::create(device, block_bytes(), 4));
  uint64_t at = 0;
  for (const Buffer& buffer : buffers_) {
    for (uint32_t block : blocks) {
      LK_TRY(uploader.write({&buffer, block * block_bytes(), block_bytes()}, bytes.subspan(at, block_bytes())));
      at += block_bytes();
    }
  }
  return uploader.finish();
}

}  // namespace lorikeet
