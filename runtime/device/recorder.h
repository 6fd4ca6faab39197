// Recorder writes one CommandBuffer: dispatches, copies and barriers, in order. No hazard is found here: the plan says
// where a barrier stands.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/device/buffer.h"
#include "runtime/device/device.h"
#include "runtime/device/kernel.h"

namespace lorikeet {

// Owns recorded commands and the descriptor sets that they use.
class CommandBuffer {
 public:
  CommandBuffer(CommandBuffer&&) noexcept;
  CommandBuffer& operator=(CommandBuffer&&) noexcept;
  ~CommandBuffer();
  // Device milliseconds between the recorded timestamps i and i + 1 of the last run; empty without timestamps.
  std::vector<double> timings() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }
  explicit CommandBuffer(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

struct GridSize {
  uint32_t x = 1, y = 1, z = 1;  // workgroups
};

class Recorder {
 public:
  // `max_timestamps` > 0 makes room for that many calls of timestamp() (ignored where the device has none).
  static Result<Recorder> begin(Device& device, const std::string& name, uint32_t max_timestamps = 0);
  Recorder(Recorder&&) noexcept;
  ~Recorder();

  // `slices[i]` is bound to binding i. `params` must have the kernel's params_bytes.
  Status dispatch(const Kernel& kernel, std::span<const Slice> slices, std::span<const std::byte> params,
                  GridSize groups);
  // The grid is three uint32 at `arguments` (made by an earlier dispatch of this or another command buffer).
  Status dispatch_indirect(const Kernel& kernel, std::span<const Slice> slices, std::span<const std::byte> params,
                           Slice arguments);
  void barrier(bool indirect = true);  // all earlier work before all later work: compute, transfer and, if wanted, the
                                       // grids of indirect dispatches (which some GPUs pay for); what the host wrote
                                       // before the submission is seen anyway
  void host_barrier();  // makes device writes visible to the host (end of a submission that is read back)
  Status copy(const Slice& from, const Slice& to);
  Status fill(const Slice& slice, uint32_t word);
  void timestamp();
  void label(const std::string& name);  // a debug label for captures; no-op without the extension
  Result<CommandBuffer> end();

  struct Impl;

 private:
  explicit Recorder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
