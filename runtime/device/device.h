// Device: one GPU opened for compute. It says what it can do, makes buffers and kernels, and runs command buffers.
// It knows nothing of tensors. Handles of Vulkan stay behind Impl.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/device_profile.h"
#include "runtime/base/options.h"
#include "runtime/base/result.h"
#include "runtime/device/buffer.h"
#include "runtime/device/kernel.h"

namespace lorikeet {

class CommandBuffer;

// One line of `lorikeet devices`.
struct DeviceCandidate {
  uint32_t index = 0;  // the number that --device takes
  DeviceProfile profile;
  bool usable = false;
  bool chosen = false;
  std::string reason;  // why it was chosen, or why not
};

// A caller's own Vulkan objects (VkInstance, VkPhysicalDevice, VkDevice, VkQueue). They must outlive the Device, and
// nobody else may use the queue while a call of Lorikeet runs. Lorikeet uses no feature of the device that is not
// listed here. Validation is the caller's affair.
struct ExternalDevice {
  void* get_instance_proc_addr = nullptr;  // PFN_vkGetInstanceProcAddr
  void* instance = nullptr;
  void* physical_device = nullptr;
  void* device = nullptr;
  void* queue = nullptr;
  uint32_t queue_family = 0;
  // Features that the caller enabled when it made the VkDevice.
  bool storage_16 = false, float16 = false, storage_8 = false, integer_dot = false, timeline = false;
};

// Names one submission. Values grow; waiting for a ticket waits for all before it.
struct Ticket {
  uint64_t value = 0;
};

using LogSink = std::function<void(const std::string&)>;

struct DeviceRequest {
  Options options;
  LogSink log;  // notices and, with validation, the layers' messages; may be empty
};

class Device {
 public:
  static Result<std::vector<DeviceCandidate>> list(const Options& options);
  static Result<Device> open(const DeviceRequest& request);
  static bool validation_available();  // is VK_LAYER_KHRONOS_validation installed? open() refuses validation without it
  static Result<Device> adopt(const ExternalDevice& external, const DeviceRequest& request);
  Device(Device&&) noexcept;
  Device& operator=(Device&&) noexcept;
  ~Device();  // waits until the device is idle

  // After a loss: opens the same device afresh in this object, with the options it was opened with (an injected fault
  // that has happened does not return). Buffers, kernels and command buffers of before are dead: they may only be
  // destroyed, now or later. On an error the device stays as it was. A device that was adopted cannot be opened again:
  // its owner must.
  Status reopen();
  uint64_t generation() const { return generation_; }  // how often reopen() has succeeded: what is older is dead

  const DeviceProfile& profile() const;
  const Options& options() const;
  void log(const std::string& line) const;

  // Creates a buffer; its content is undefined. MemoryUse::weights falls back to host-visible memory when less than an
  // eighth of the device's memory would be left (announced once through the log). out_of_memory names the size that was
  // wanted and what is left.
  Result<Buffer> create_buffer(const BufferRequest& request);
  uint64_t memory_used() const;       // bytes of all live buffers
  uint64_t memory_available() const;  // budget minus used, as far as the driver tells

  // Compiles kernels in parallel through the pipeline cache on disk (keyed by device, driver and shader). `progress`
  // is called (done, total) from the calling thread. All or nothing.
  Result<std::vector<Kernel>> create_kernels(std::span<const KernelRequest> requests,
                                             const std::function<void(size_t, size_t)>& progress = {});

  // Runs command buffers in order in one submission. Each may be submitted again when it is no longer in flight or
  // while it is (recorded for simultaneous use). The buffers and kernels they use must live until the ticket is done.
  Result<Ticket> submit(std::span<const CommandBuffer* const> commands);
  // Like submit, with one ticket a batch: the i-th batch has the returned value plus i. For streams of small runs.
  Result<Ticket> submit_each(std::span<const std::span<const CommandBuffer* const>> batches);
  // True when the ticket is done, false when the time is over first and the device still works.
  Result<bool> wait_for(Ticket ticket, uint64_t timeout_ns);
  // Like wait_for, but a device that is too late is given up: device_lost when lost or timed out.
  Status wait(Ticket ticket, uint64_t timeout_ns = 600'000'000'000ull);
  bool done(Ticket ticket);
  bool lost() const;  // once true, only reopen() and destruction are of use

  uint64_t submissions() const;                          // since opening, for reports
  std::vector<std::string> validation_messages() const;  // with options.validation: all messages so far

  struct Impl;
  Impl& impl() { return *impl_; }  // for the other files of this folder

 private:
  explicit Device(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  uint64_t generation_ = 0;
  std::vector<std::unique_ptr<Impl>> retired_;  // lost, but dead buffers and kernels still point to them
};

}  // namespace lorikeet
