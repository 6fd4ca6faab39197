#include <volk.h>

#include "runtime/device/buffer.h"

#include <algorithm>

#include "runtime/base/text.h"
#include "runtime/device/impl.h"

namespace lorikeet {
namespace {

constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags kMapped = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
constexpr VkMemoryPropertyFlags kStrange = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT |
                                           VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD |
                                           VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD;

// Which properties a memory type must have, and which count for and against it.
struct Wish {
  VkMemoryPropertyFlags must = 0, rather = 0, rather_not = 0;
};

Wish wish_for(MemoryUse use, bool shared_memory, bool spill) {
  if (spill) return {kMapped, 0, kLocal};
  switch (use) {
    case MemoryUse::device:
    case MemoryUse::weights:
      if (shared_memory) return {kLocal | kMapped, 0, 0};
      return {kLocal, 0, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT};
    case MemoryUse::upload:
      return {kMapped, 0, VkMemoryPropertyFlags(shared_memory ? 0 : kLocal | kCached)};
    case MemoryUse::readback:
      return {kMapped, kCached, VkMemoryPropertyFlags(shared_memory ? 0 : kLocal)};
  }
  return {};
}

// The best memory type, or ~0u.
uint32_t find_type(const VkPhysicalDeviceMemoryProperties& memory, uint32_t allowed, const Wish& wish) {
  uint32_t best = ~0u;
  int best_score = -100;
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    const VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
    if (!(allowed >> i & 1) || (flags & wish.must) != wish.must || (flags & kStrange)) continue;
    const int score = ((flags & wish.rather) == wish.rather ? 1 : 0) - ((flags & wish.rather_not) ? 2 : 0);
    if (score > best_score) best = i, best_score = score;
  }
  return best;
}

bool host_visible(const Facts& facts, uint32_t type) {
  return (facts.memory.memoryTypes[type].propertyFlags & kMapped) == kMapped;
}

VkResult create_vk_buffer(Device::Impl& d, Buffer::Impl& buffer) {
  auto info = typed<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.size = (buffer.size + 3) / 4 * 4;  // whole words, so that every part can be filled
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
               VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  if (d.facts.profile.buffer_address) info.usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
  return d.functions.vkCreateBuffer(d.device, &info, nullptr, &buffer.buffer);
}

VkResult allocate(Device::Impl& d, Buffer::Impl& buffer, uint64_t bytes, uint32_t type) {
  auto flags = typed<VkMemoryAllocateFlagsInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  auto info = typed<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
  if (d.facts.profile.buffer_address) info.pNext = &flags;
  info.allocationSize = bytes;
  info.memoryTypeIndex = type;
  VkResult result = d.functions.vkAllocateMemory(d.device, &info, nullptr, &buffer.memory);
  if (result != VK_SUCCESS) return result;
  result = d.functions.vkBindBufferMemory(d.device, buffer.buffer, buffer.memory, 0);
  void* address = nullptr;
  if (result == VK_SUCCESS && host_visible(d.facts, type))
    result = d.functions.vkMapMemory(d.device, buffer.memory, 0, VK_WHOLE_SIZE, 0, &address);
  if (result != VK_SUCCESS) {
    d.functions.vkFreeMemory(d.device, buffer.memory, nullptr);
    buffer.memory = VK_NULL_HANDLE;
    return result;
  }
  buffer.mapped = static_cast<std::byte*>(address);
  buffer.allocated = bytes;
  return VK_SUCCESS;
}

Error out_of_memory(const Device::Impl& d, const BufferRequest& request, std::string_view why) {
  return {ErrorCode::out_of_memory,
          join("[buffer ", request.name, "] ", request.size, " bytes were wanted, ", why, " (", d.local_left(),
               " bytes are left on ", d.facts.profile.name, ")."),
          {}};
}

void announce_spill(Device::Impl& d, const BufferRequest& request) {
  if (d.memory.spill_announced.exchange(true)) return;
  d.log(join("[device] The memory of ", d.facts.profile.name, " is used up: weights from ", request.name,
             " on lie in the host's memory and will be slower."));
}

// Finds room for a buffer that has its handle.
Status place(Device::Impl& d, Buffer::Impl& buffer, const BufferRequest& request) {
  VkMemoryRequirements needs{};
  d.functions.vkGetBufferMemoryRequirements(d.device, buffer.buffer, &needs);
  if (needs.size > d.facts.profile.max_allocation) {
    return out_of_memory(d, request, join("one allocation holds at most ", d.facts.profile.max_allocation));
  }
  const bool on_device = request.use == MemoryUse::device || request.use == MemoryUse::weights;
  const bool shared = d.facts.profile.shared_memory;
  // Weights leave an eighth of the device's memory to the state and scratch that come after them.
  const uint64_t reserve = request.use == MemoryUse::weights ? d.facts.profile.memory_bytes / 8 : 0;
  const bool fits = !on_device || needs.size + reserve <= d.local_left();
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (fits) {
    uint32_t type = find_type(d.facts.memory, needs.memoryTypeBits, wish_for(request.use, shared, false));
    if (type == ~0u) type = find_type(d.facts.memory, needs.memoryTypeBits, {on_device ? 0u : kMapped, 0, 0});
    if (type != ~0u) result = allocate(d, buffer, needs.size, type);
    buffer.local = on_device && result == VK_SUCCESS;
  }
  if (result != VK_SUCCESS && request.use == MemoryUse::weights) {
    const uint32_t type = find_type(d.facts.memory, needs.memoryTypeBits, wish_for(request.use, shared, true));
    if (type != ~0u) result = allocate(d, buffer, needs.size, type);
    buffer.spilled = result == VK_SUCCESS;
    if (buffer.spilled) announce_spill(d, request);
  }
  if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY ||
      result == VK_ERROR_TOO_MANY_OBJECTS)
    return out_of_memory(d, request, fits ? "the driver has no room for them" : "the device's memory is used up");
  if (result != VK_SUCCESS)
    return d.failed(join("[buffer ", request.name, "] Allocating ", request.size, " bytes"), result);
  return Done{};
}

}  // namespace

uint64_t Device::Impl::local_left() const {
  const uint64_t used = memory.local;
  const uint64_t cap = facts.profile.memory_bytes;
  uint64_t left = cap > used ? cap - used : 0;
  if (!facts.memory_budget) return left;
  auto budget =
      typed<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  auto all = typed<VkPhysicalDeviceMemoryProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
  all.pNext = &budget;
  instance.functions.vkGetPhysicalDeviceMemoryProperties2(facts.handle, &all);
  uint64_t free = 0;
  for (uint32_t i = 0; i < facts.memory.memoryHeapCount; ++i) {
    if (!(facts.memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)) continue;
    if (budget.heapBudget[i] > budget.heapUsage[i])
      free = std::max<uint64_t>(free, budget.heapBudget[i] - budget.heapUsage[i]);
  }
  return std::min(left, free);
}

Result<Buffer> Device::create_buffer(const BufferRequest& request) {
  Impl& d = *impl_;
  if (d.lost) return d.lost_error();
  if (request.size == 0) return invalid(join("[buffer ", request.name, "] The size is 0 bytes, at least 1 is needed."));
  if (++d.allocated == d.fault.at_allocation)
    return out_of_memory(d, request, "the allocation was made to fail by LORIKEET_FAULT");
  if (request.size > d.facts.profile.max_allocation) {
    return out_of_memory(d, request, join("one allocation holds at most ", d.facts.profile.max_allocation));
  }
  auto impl = std::make_unique<Buffer::Impl>(d);
  impl->name = request.name;
  impl->size = request.size;
  const VkResult result = create_vk_buffer(d, *impl);
  if (result != VK_SUCCESS)
    return d.failed(join("[buffer ", request.name, "] vkCreateBuffer of ", request.size, " bytes"), result);
  LK_TRY(place(d, *impl, request));
  d.memory.total += impl->allocated;
  if (impl->local) d.memory.local += impl->allocated;
  d.set_name(VK_OBJECT_TYPE_BUFFER, impl->buffer, request.name);
  d.set_name(VK_OBJECT_TYPE_DEVICE_MEMORY, impl->memory, request.name);
  return Buffer(std::move(impl));
}

Buffer::Impl::~Impl() {
  if (!device.may_destroy()) return;
  if (buffer) device.functions.vkDestroyBuffer(device.device, buffer, nullptr);
  if (!memory) return;
  device.functions.vkFreeMemory(device.device, memory, nullptr);
  device.memory.total -= allocated;
  if (local) device.memory.local -= allocated;
}

Buffer::Buffer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Buffer::Buffer(Buffer&&) noexcept = default;
Buffer& Buffer::operator=(Buffer&&) noexcept = default;
Buffer::~Buffer() = default;

uint64_t Buffer::size() const { return impl_->size; }
const std::string& Buffer::name() const { return impl_->name; }
bool Buffer::spilled() const { return impl_->spilled; }

std::span<std::byte> Buffer::mapped() const {
  if (!impl_->mapped) return {};
  return {impl_->mapped, impl_->size};
}

}  // namespace lorikeet
