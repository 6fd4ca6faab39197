// Internal: what is behind Device, Buffer, Kernel and CommandBuffer. Each owns its handles and points at its device.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/device/facts.h"
#include "runtime/device/instance.h"
#include "runtime/device/pipeline_cache.h"
#include "runtime/device/queue.h"
#include "runtime/device/recorder.h"

namespace lorikeet {

// Counts down to an injected fault: LORIKEET_FAULT.
struct Fault {
  uint64_t at_submission = 0;  // 0: never
  uint64_t at_allocation = 0;
};
Result<Fault> parse_fault(const std::string& text);

// Bytes of live buffers. `local` are those in the device's own memory.
struct MemoryAccount {
  std::atomic<uint64_t> total{0};
  std::atomic<uint64_t> local{0};
  std::atomic<bool> spill_announced{false};
};

// Counts the buffers, kernels and command buffers of a device that are alive.
class Child {
 public:
  explicit Child(std::atomic<int>& count) : count_(count) { ++count_; }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { --count_; }

 private:
  std::atomic<int>& count_;
};

struct Device::Impl {
  Impl(DeviceRequest request, Instance instance, Facts facts)
      : request(std::move(request)), instance(std::move(instance)), facts(std::move(facts)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  Status create_device();                                    // makes the VkDevice from the facts
  Status start(VkDevice device, VkQueue queue, bool owned);  // everything after the VkDevice
  Error lost_error() const;
  Error failed(const std::string& what, VkResult result);  // notes a lost device
  template <class Handle>
  void set_name(VkObjectType type, Handle handle, const std::string& name) const {
    set_name_bits(type, (uint64_t)handle, name);  // a pointer or a number, by platform and kind
  }
  void set_name_bits(VkObjectType type, uint64_t handle, const std::string& name) const;
  // May objects that commands used be destroyed? Not while a device that was given up still runs them.
  bool may_destroy();
  uint64_t local_left() const;  // bytes of the device's own memory that are still free
  void log(const std::string& line) const {
    if (request.log) request.log(line);
  }

  DeviceRequest request;
  Instance instance;
  Facts facts;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  VolkDeviceTable functions{};
  bool owned = false;
  Queue submissions;
  MemoryAccount memory;
  Fault fault;
  std::atomic<uint64_t> submitted{0}, allocated{0};
  std::atomic<int> children{0};
  std::atomic<bool> lost{false};
  std::atomic<bool> abandoned{false};  // it no longer answers: its objects may be in use, so they are left alone
  std::atomic<bool> patience_spent{false};
  std::vector<VkCommandBuffer> gathered;  // scratch of submit()
  std::vector<Queue::Batch> batches;
  std::mutex submit_lock;

  PipelineCache pipeline_cache;
};

struct Buffer::Impl {
  explicit Impl(Device::Impl& device) : device(device), child(device.children) {}
  ~Impl();

  Device::Impl& device;
  Child child;
  std::string name;
  uint64_t size = 0;
  uint64_t allocated = 0;  // bytes of memory behind it
  bool local = false;      // counts against the device's own memory
  bool spilled = false;
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  std::byte* mapped = nullptr;
};

struct Kernel::Impl {
  explicit Impl(Device::Impl& device) : device(device), child(device.children) {}
  ~Impl();

  Device::Impl& device;
  Child child;
  std::string name;
  KernelInterface interface;
  std::vector<KernelStatistic> statistics;
  VkDescriptorSetLayout set_layout = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  VkPipeline pipeline = VK_NULL_HANDLE;
};

struct CommandBuffer::Impl {
  explicit Impl(Device::Impl& device) : device(device), child(device.children) {}
  ~Impl();

  Device::Impl& device;
  Child child;
  std::string name;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  std::vector<VkDescriptorPool> descriptor_pools;
  VkQueryPool queries = VK_NULL_HANDLE;
  uint32_t query_count = 0;              // timestamps written
  mutable std::atomic<bool> ran{false};  // was submitted at least once
};

}  // namespace lorikeet
