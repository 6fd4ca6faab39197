#include <volk.h>

#include "runtime/device/queue.h"

namespace lorikeet {

Status Queue::open(const VolkDeviceTable& functions, VkDevice device, VkQueue queue, bool timeline) {
  vk_ = &functions;
  device_ = device;
  queue_ = queue;
  if (!timeline) return Done{};
  // The extension's names are there only where it is switched on: on devices below Vulkan 1.2.
  wait_semaphores_ = vk_->vkWaitSemaphoresKHR ? vk_->vkWaitSemaphoresKHR : vk_->vkWaitSemaphores;
  counter_value_ =
      vk_->vkGetSemaphoreCounterValueKHR ? vk_->vkGetSemaphoreCounterValueKHR : vk_->vkGetSemaphoreCounterValue;
  if (!wait_semaphores_ || !counter_value_) return Done{};
  auto type = typed<VkSemaphoreTypeCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  auto info = typed<VkSemaphoreCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO);
  info.pNext = &type;
  const VkResult result = vk_->vkCreateSemaphore(device_, &info, nullptr, &timeline_);
  if (result != VK_SUCCESS) return vulkan_error("[device] vkCreateSemaphore", result);
  return Done{};
}

void Queue::close() {
  if (!vk_) return;
  if (timeline_) vk_->vkDestroySemaphore(device_, timeline_, nullptr);
  for (const Flight& flight : flights_) vk_->vkDestroyFence(device_, flight.fence, nullptr);
  for (const VkFence fence : spare_fences_) vk_->vkDestroyFence(device_, fence, nullptr);
  vk_ = nullptr;
}

VkResult Queue::submit(std::span<const Batch> batches, uint64_t* first) {
  const std::lock_guard lock(submitting_);
  *first = next_.load();
  if (timeline_) return submit_timeline(batches, *first);
  for (size_t i = 0; i < batches.size(); ++i) {
    const VkResult result = submit_fence(batches[i], *first + i);
    if (result != VK_SUCCESS) return result;
  }
  return VK_SUCCESS;
}

VkResult Queue::submit_timeline(std::span<const Batch> batches, uint64_t first) {
  const size_t count = batches.size();
  submits_.resize(count);
  signals_.resize(count);
  values_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    values_[i] = first + i;
    signals_[i] = typed<VkTimelineSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    signals_[i].signalSemaphoreValueCount = 1;
    signals_[i].pSignalSemaphoreValues = &values_[i];
    submits_[i] = typed<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
    submits_[i].pNext = &signals_[i];
    submits_[i].commandBufferCount = batches[i].count;
    submits_[i].pCommandBuffers = batches[i].commands;
    submits_[i].signalSemaphoreCount = 1;
    submits_[i].pSignalSemaphores = &timeline_;
  }
  const VkResult result = vk_->vkQueueSubmit(queue_, uint32_t(count), submits_.data(), VK_NULL_HANDLE);
  if (result == VK_SUCCESS) next_.store(first + count);
  return result;
}

VkResult Queue::submit_fence(const Batch& batch, uint64_t value) {
  VkFence fence = VK_NULL_HANDLE;
  VkResult result = take_fence(&fence);
  if (result != VK_SUCCESS) return result;
  auto info = typed<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  info.commandBufferCount = batch.count;
  info.pCommandBuffers = batch.commands;
  result = vk_->vkQueueSubmit(queue_, 1, &info, fence);
  const std::lock_guard lock(flights_lock_);
  if (result != VK_SUCCESS) {
    spare_fences_.push_back(fence);
    return result;
  }
  flights_.push_back({value, fence, 0});
  next_.store(value + 1);
  return VK_SUCCESS;
}

VkResult Queue::take_fence(VkFence* fence) {
  const std::lock_guard lock(flights_lock_);
  if (spare_fences_.empty() && !flights_.empty()) {  // the oldest may be done without anybody having asked
    Flight& oldest = flights_.front();
    if (oldest.waiters == 0 && vk_->vkGetFenceStatus(device_, oldest.fence) == VK_SUCCESS) complete(oldest.value);
  }
  if (!spare_fences_.empty()) {
    *fence = spare_fences_.back();
    spare_fences_.pop_back();
    return VK_SUCCESS;
  }
  const auto info = typed<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
  return vk_->vkCreateFence(device_, &info, nullptr, fence);
}

// With the flights locked. Fences signal in the order of submission, so all earlier flights are done too.
void Queue::complete(uint64_t value) {
  if (value > completed_.load()) completed_.store(value);
  while (!flights_.empty() && flights_.front().value <= completed_.load() && flights_.front().waiters == 0) {
    const VkFence fence = flights_.front().fence;
    flights_.pop_front();
    if (vk_->vkResetFences(device_, 1, &fence) == VK_SUCCESS) spare_fences_.push_back(fence);
    else vk_->vkDestroyFence(device_, fence, nullptr);
  }
}

Queue::Flight* Queue::flight_of(uint64_t value) {
  for (Flight& flight : flights_)
    if (flight.value >= value) return &flight;
  return nullptr;
}

VkResult Queue::wait(uint64_t value, uint64_t timeout_ns) {
  if (value <= completed_.load()) return VK_SUCCESS;
  if (!timeline_) return wait_fence(value, timeout_ns);
  auto info = typed<VkSemaphoreWaitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO);
  info.semaphoreCount = 1;
  info.pSemaphores = &timeline_;
  info.pValues = &value;
  const VkResult result = wait_semaphores_(device_, &info, timeout_ns);
  if (result != VK_SUCCESS) return result;
  const std::lock_guard lock(flights_lock_);
  if (value > completed_.load()) completed_.store(value);
  return VK_SUCCESS;
}

VkResult Queue::wait_fence(uint64_t value, uint64_t timeout_ns) {
  VkFence fence = VK_NULL_HANDLE;
  {
    const std::lock_guard lock(flights_lock_);
    Flight* flight = flight_of(value);
    if (!flight) return VK_SUCCESS;  // done in the meantime
    ++flight->waiters;               // keeps the fence from being used again
    value = flight->value;
    fence = flight->fence;
  }
  const VkResult result = vk_->vkWaitForFences(device_, 1, &fence, VK_TRUE, timeout_ns);
  const std::lock_guard lock(flights_lock_);
  --flight_of(value)->waiters;
  if (result == VK_SUCCESS) complete(value);
  return result;
}

VkResult Queue::poll(uint64_t value) {
  if (value <= completed_.load()) return VK_SUCCESS;
  if (timeline_) {
    uint64_t reached = 0;
    const VkResult result = counter_value_(device_, timeline_, &reached);
    if (result != VK_SUCCESS) return result;
    const std::lock_guard lock(flights_lock_);
    if (reached > completed_.load()) completed_.store(reached);
    return value <= reached ? VK_SUCCESS : VK_NOT_READY;
  }
  const std::lock_guard lock(flights_lock_);
  Flight* flight = flight_of(value);
  if (!flight) return VK_SUCCESS;
  const VkResult result = vk_->vkGetFenceStatus(device_, flight->fence);
  if (result == VK_SUCCESS) complete(flight->value);
  return result;
}

VkResult Queue::wait_idle() {
  const std::lock_guard lock(submitting_);
  return vk_->vkQueueWaitIdle(queue_);
}

}  // namespace lorikeet
