// KvCache: the keys and values of all conversations of a session: per layer two tensors of places, handed out in blocks
// of positions. It grows by copying into larger tensors; what was recorded over the old ones must be recorded again.
#pragma once

#include <cstdint>
#include <vector>

#include "frontend/config.h"
#include "runtime/device/buffer.h"
#include "runtime/device/device.h"

namespace lorikeet {

class KvCache {
 public:
  static Result<KvCache> create(Device& device, const DecoderConfig& config, DType type, int64_t blocks);
  static uint64_t bytes(const DecoderConfig& config, DType type, int64_t places);

  int64_t places() const;
  Slice keys(int64_t layer) const;
  Slice values(int64_t layer) const;
  size_t free_blocks() const { return free_.size(); }
  uint32_t take_block();  // precondition: free_blocks() > 0
  void give_back(uint32_t block);
  Status grow(Device& device, int64_t blocks);  // to this many; the device must be idle

  Status copy_blocks(Device& device, const std::vector<uint32_t>& from, const std::vector<uint32_t>& to) const;
  // All layers of some blocks, layer by layer, keys before values.
  Result<std::vector<std::byte>> read_blocks(Device& device, const std::vector<uint32_t>& blocks) const;
  Status write_blocks(Device& device, const std::vector<uint32_t>& blocks, std::span<const std::byte> bytes) const;
  uint64_t block_bytes() const;  // of one tensor

 private:
  Status allocate(Device& device, int64_t blocks);
  DType type_ = DType::f32;
  int64_t columns_ = 0, layers_ = 0, blocks_ = 0;
  std::vector<Buffer> buffers_;  // keys and values of layer 0, of layer 1, ...
  std::vector<uint32_t> free_;   // highest first, so that low blocks are taken first
};

}  // namespace lorikeet
