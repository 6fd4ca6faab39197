// Buffer: move-only owner of one region of device memory. Slice: a view into one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/base/result.h"

namespace lorikeet {

class Device;

enum class MemoryUse {
  device,    // scratch and state: device-local; host-mapped only if all memory is shared
  weights,   // like device, and mapped where memory is shared; may spill to host-visible memory
  upload,    // host writes, device reads: mapped, coherent
  readback,  // device writes, host reads: mapped, coherent, cached where possible
};

struct BufferRequest {
  uint64_t size = 0;  // bytes, > 0
  MemoryUse use = MemoryUse::device;
  std::string name;  // shown in logs, validation messages and captures
};

class Buffer {
 public:
  Buffer(Buffer&&) noexcept;
  Buffer& operator=(Buffer&&) noexcept;
  ~Buffer();

  uint64_t size() const;
  const std::string& name() const;
  std::span<std::byte> mapped() const;  // empty when the host cannot see the memory
  bool spilled() const;                 // weights that went to host-visible memory

  struct Impl;
  const Impl& impl() const { return *impl_; }
  explicit Buffer(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

// A range of a buffer. `offset` must be a multiple of the profile's storage_alignment when it is bound to a kernel.
struct Slice {
  const Buffer* buffer = nullptr;
  uint64_t offset = 0;
  uint64_t size = 0;  // bytes

  bool overlaps(const Slice& other) const {
    return buffer == other.buffer && offset < other.offset + other.size && other.offset < offset + size;
  }
};

}  // namespace lorikeet
