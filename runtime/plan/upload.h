// Uploader: host data on its way to device memory, through a ring of staging slots that tickets free again.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>

#include "runtime/device/device.h"
#include "runtime/device/recorder.h"

namespace lorikeet {

class Uploader {
 public:
  // `slot_bytes`: the largest piece of one write.
  static Result<Uploader> create(Device& device, uint64_t slot_bytes, uint32_t slots);
  Uploader(Uploader&&) noexcept = default;
  Uploader& operator=(Uploader&&) noexcept = default;
  ~Uploader() { (void)finish(); }  // what is in flight reads the ring

  uint64_t slot_bytes() const { return slot_bytes_; }
  // Copies bytes to the slice before anything submitted later. Waits only when all slots are in flight.
  Status write(const Slice& target, std::span<const std::byte> bytes);
  // A free slot to fill; `send` submits commands that read it.
  struct Slot {
    uint32_t number = 0;
    Slice slice;
    std::span<std::byte> bytes;
  };
  Result<Slot> acquire();
  Status send(const Slot& slot, CommandBuffer commands);
  Status finish();  // waits for everything that was sent

 private:
  Uploader() = default;
  struct InFlight {
    Ticket ticket;
    std::optional<CommandBuffer> commands;
  };
  Device* device_ = nullptr;
  std::unique_ptr<Buffer> staging_;
  uint64_t slot_bytes_ = 0;
  uint32_t next_ = 0;
  std::vector<InFlight> slots_;
};

struct SliceCopy {
  Slice from, to;
};
// Copies on the device and waits for it.
Status copy_slices(Device& device, std::span<const SliceCopy> copies);

// Waits until the device has run everything, then copies `slice` to the host.
Result<std::vector<std::byte>> download(Device& device, const Slice& slice);

}  // namespace lorikeet
