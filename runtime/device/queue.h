// Internal: submissions to one VkQueue and their tickets, through a timeline semaphore or, where there is none, fences.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "runtime/device/functions.h"

namespace lorikeet {

// Ticket values count up from 1. Every function may be called from any thread.
class Queue {
 public:
  Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  Status open(const VolkDeviceTable& functions, VkDevice device, VkQueue queue, bool timeline);

  void close();  // nothing may be in flight

  // One batch of command buffers is one ticket. Returns the first one's value; the others follow.
  struct Batch {
    const VkCommandBuffer* commands = nullptr;
    uint32_t count = 0;
  };
  VkResult submit(std::span<const Batch> batches, uint64_t* first);
  VkResult wait(uint64_t value, uint64_t timeout_ns);  // VK_SUCCESS, VK_TIMEOUT or an error
  VkResult poll(uint64_t value);                       // VK_SUCCESS, VK_NOT_READY or an error
  VkResult wait_idle();                                // unbounded
  uint64_t last() const { return next_.load() - 1; }   // the newest ticket

 private:
  struct Flight {
    uint64_t value = 0;
    VkFence fence = VK_NULL_HANDLE;
    int waiters = 0;
  };
  VkResult submit_timeline(std::span<const Batch> batches, uint64_t first);
  VkResult submit_fence(const Batch& batch, uint64_t value);
  VkResult take_fence(VkFence* fence);
  VkResult wait_fence(uint64_t value, uint64_t timeout_ns);
  Flight* flight_of(uint64_t value);  // the earliest that covers it
  void complete(uint64_t value);

  const VolkDeviceTable* vk_ = nullptr;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkSemaphore timeline_ = VK_NULL_HANDLE;  // null: fences
  PFN_vkWaitSemaphores wait_semaphores_ = nullptr;
  PFN_vkGetSemaphoreCounterValue counter_value_ = nullptr;

  std::mutex submitting_;  // one submission at a time, in the order of their tickets
  std::mutex flights_lock_;
  std::deque<Flight> flights_;
  std::vector<VkFence> spare_fences_;
  std::atomic<uint64_t> next_{1};
  std::atomic<uint64_t> completed_{0};
  std::vector<VkSubmitInfo> submits_;  // kept, so that a submission allocates nothing
  std::vector<VkTimelineSemaphoreSubmitInfo> signals_;
  std::vector<uint64_t> values_;
};

}  // namespace lorikeet
