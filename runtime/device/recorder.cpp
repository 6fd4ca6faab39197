#include <volk.h>

#include "runtime/device/recorder.h"

#include <algorithm>
#include <array>

#include "runtime/base/text.h"
#include "runtime/device/impl.h"

namespace lorikeet {
namespace {

constexpr uint32_t kSetsPerPool = 128;
constexpr uint32_t kMaxBindings = 64;
constexpr uint32_t kUniformAlignment = 256;  // what every device allows
constexpr uint64_t kUniformRange = 16384;    // likewise

}  // namespace

struct Recorder::Impl {
  explicit Impl(Device::Impl& device) : device(device) {}

  Status bind(const Kernel& kernel, std::span<const Slice> slices, std::span<const std::byte> params);
  Status check_slice(const Kernel::Impl& kernel, const KernelInterface::Binding& binding, const Slice& slice) const;
  Status descriptor_set(const Kernel::Impl& kernel, VkDescriptorSet* set);
  Status add_pool();

  Device::Impl& device;
  std::unique_ptr<CommandBuffer::Impl> target;
  VkPipeline bound = VK_NULL_HANDLE;
  uint32_t sets_left = 0, descriptors_left = 0, uniforms_left = 0;
  uint32_t max_timestamps = 0;
  bool labelled = false;
};

Recorder::Recorder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

Result<Recorder> Recorder::begin(Device& device, const std::string& name, uint32_t max_timestamps) {
  Device::Impl& d = device.impl();
  if (d.lost) return d.lost_error();
  auto impl = std::make_unique<Impl>(d);
  impl->target = std::make_unique<CommandBuffer::Impl>(d);
  CommandBuffer::Impl& target = *impl->target;
  target.name = name;
  auto pool_info = typed<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
  pool_info.queueFamilyIndex = d.facts.queue_family;
  VkResult result = d.functions.vkCreateCommandPool(d.device, &pool_info, nullptr, &target.pool);
  if (result != VK_SUCCESS) return d.failed(join("[", name, "] vkCreateCommandPool"), result);
  auto info = typed<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
  info.commandPool = target.pool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  result = d.functions.vkAllocateCommandBuffers(d.device, &info, &target.commands);
  if (result != VK_SUCCESS) return d.failed(join("[", name, "] vkAllocateCommandBuffers"), result);
  d.set_name(VK_OBJECT_TYPE_COMMAND_BUFFER, target.commands, name);
  auto begin_info = typed<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  begin_info.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT;
  result = d.functions.vkBeginCommandBuffer(target.commands, &begin_info);
  if (result != VK_SUCCESS) return d.failed(join("[", name, "] vkBeginCommandBuffer"), result);

  if (max_timestamps > 0 && d.facts.profile.timestamps) {
    auto query_info = typed<VkQueryPoolCreateInfo>(VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO);
    query_info.queryType = VK_QUERY_TYPE_TIMESTAMP;
    query_info.queryCount = max_timestamps;
    result = d.functions.vkCreateQueryPool(d.device, &query_info, nullptr, &target.queries);
    if (result != VK_SUCCESS) return d.failed(join("[", name, "] vkCreateQueryPool"), result);
    d.functions.vkCmdResetQueryPool(target.commands, target.queries, 0, max_timestamps);
    impl->max_timestamps = max_timestamps;
  }
  return Recorder(std::move(impl));
}

Status Recorder::Impl::check_slice(const Kernel::Impl& kernel, const KernelInterface::Binding& binding,
                                   const Slice& slice) const {
  const auto wrong = [&](const auto&... parts) {
    return invalid(join("[", kernel.name, "] Binding ", binding.number, " (", binding.name, ") ", parts...));
  };
  if (!slice.buffer) return wrong("was given no buffer.");
  if (slice.size == 0) return wrong("was given 0 bytes of ", slice.buffer->name(), ".");
  const uint64_t size = slice.buffer->size();
  if (slice.offset > size || slice.size > size - slice.offset) {
    return wrong("was given bytes ", slice.offset, " to ", slice.offset + slice.size, " of ", slice.buffer->name(),
                 ", which has ", size, ".");
  }
  const DeviceProfile& profile = device.facts.profile;
  const uint32_t alignment = binding.uniform ? kUniformAlignment : profile.storage_alignment;
  const uint64_t range = binding.uniform ? kUniformRange : profile.max_storage_range;
  if (slice.offset % alignment) {
    return wrong("was given offset ", slice.offset, " in ", slice.buffer->name(), ", which is no multiple of ",
                 alignment, ".");
  }
  if (slice.size > range) {
    return wrong("was given ", slice.size, " bytes of ", slice.buffer->name(), ", one binding holds at most ", range,
                 ".");
  }
  return Done{};
}

Status Recorder::Impl::add_pool() {
  const VkDescriptorPoolSize sizes[] = {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kSetsPerPool * 8},
                                        {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, kMaxBindings}};
  auto info = typed<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
  info.maxSets = kSetsPerPool;
  info.poolSizeCount = 2;
  info.pPoolSizes = sizes;
  VkDescriptorPool pool = VK_NULL_HANDLE;
  const VkResult result = device.functions.vkCreateDescriptorPool(device.device, &info, nullptr, &pool);
  if (result != VK_SUCCESS) return device.failed(join("[", target->name, "] vkCreateDescriptorPool"), result);
  target->descriptor_pools.push_back(pool);
  sets_left = kSetsPerPool;
  descriptors_left = sizes[0].descriptorCount;
  uniforms_left = sizes[1].descriptorCount;
  return Done{};
}

Status Recorder::Impl::descriptor_set(const Kernel::Impl& kernel, VkDescriptorSet* set) {
  uint32_t uniforms = 0;
  for (const auto& binding : kernel.interface.bindings) uniforms += binding.uniform;
  const uint32_t storage = uint32_t(kernel.interface.bindings.size()) - uniforms;
  if (sets_left == 0 || descriptors_left < storage || uniforms_left < uniforms) LK_TRY(add_pool());
  --sets_left;
  descriptors_left -= storage;
  uniforms_left -= uniforms;
  auto info = typed<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
  info.descriptorPool = target->descriptor_pools.back();
  info.descriptorSetCount = 1;
  info.pSetLayouts = &kernel.set_layout;
  const VkResult result = device.functions.vkAllocateDescriptorSets(device.device, &info, set);
  if (result != VK_SUCCESS) return device.failed(join("[", target->name, "] vkAllocateDescriptorSets"), result);
  return Done{};
}

Status Recorder::Impl::bind(const Kernel& made, std::span<const Slice> slices, std::span<const std::byte> params) {
  const Kernel::Impl& kernel = made.impl();
  const auto& bindings = kernel.interface.bindings;
  if (slices.size() != bindings.size()) {
    return invalid(
        join("[", kernel.name, "] The kernel has ", bindings.size(), " bindings, ", slices.size(), " were given."));
  }
  if (params.size() != kernel.interface.params_bytes) {
    return invalid(join("[", kernel.name, "] The params have ", kernel.interface.params_bytes, " bytes, ",
                        params.size(), " were given."));
  }
  std::array<VkDescriptorBufferInfo, kMaxBindings> buffers;
  std::array<VkWriteDescriptorSet, kMaxBindings> writes;
  VkDescriptorSet set = VK_NULL_HANDLE;
  for (size_t i = 0; i < slices.size(); ++i) LK_TRY(check_slice(kernel, bindings[i], slices[i]));
  const VolkDeviceTable& vk = device.functions;
  if (!slices.empty()) {
    LK_TRY(descriptor_set(kernel, &set));
    for (size_t i = 0; i < slices.size(); ++i) {
      buffers[i] = {slices[i].buffer->impl().buffer, slices[i].offset, slices[i].size};
      writes[i] = typed<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
      writes[i].dstSet = set;
      writes[i].dstBinding = bindings[i].number;
      writes[i].descriptorCount = 1;
      writes[i].descriptorType =
          bindings[i].uniform ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
      writes[i].pBufferInfo = &buffers[i];
    }
    vk.vkUpdateDescriptorSets(device.device, uint32_t(slices.size()), writes.data(), 0, nullptr);
    vk.vkCmdBindDescriptorSets(target->commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel.layout, 0, 1, &set, 0, nullptr);
  }
  if (bound != kernel.pipeline) vk.vkCmdBindPipeline(target->commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel.pipeline);
  bound = kernel.pipeline;
  if (!params.empty()) {
    vk.vkCmdPushConstants(target->commands, kernel.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, uint32_t(params.size()),
                          params.data());
  }
  return Done{};
}

Status Recorder::dispatch(const Kernel& kernel, std::span<const Slice> slices, std::span<const std::byte> params,
                          GridSize groups) {
  Device::Impl& d = impl_->device;
  const uint32_t limits[] = {d.facts.profile.max_workgroups_x, d.facts.max_groups[1], d.facts.max_groups[2]};
  if (groups.x > limits[0] || groups.y > limits[1] || groups.z > limits[2]) {
    return invalid(join("[", kernel.name(), "] A grid of ", groups.x, " x ", groups.y, " x ", groups.z,
                        " workgroups was given, the device allows ", limits[0], " x ", limits[1], " x ", limits[2],
                        "."));
  }
  LK_TRY(impl_->bind(kernel, slices, params));
  d.functions.vkCmdDispatch(impl_->target->commands, groups.x, groups.y, groups.z);
  return Done{};
}

Status Recorder::dispatch_indirect(const Kernel& kernel, std::span<const Slice> slices,
                                   std::span<const std::byte> params, Slice arguments) {
  if (!arguments.buffer || arguments.offset % 4 || arguments.size < 12 || arguments.offset > arguments.buffer->size() ||
      arguments.size > arguments.buffer->size() - arguments.offset) {
    return invalid(join("[", kernel.name(),
                        "] The grid of an indirect dispatch must be 12 bytes inside a buffer, at a multiple of 4; ",
                        arguments.size, " bytes at ", arguments.offset, " were given."));
  }
  LK_TRY(impl_->bind(kernel, slices, params));
  impl_->device.functions.vkCmdDispatchIndirect(impl_->target->commands, arguments.buffer->impl().buffer,
                                                arguments.offset);
  return Done{};
}

void Recorder::barrier(bool indirect) {
  constexpr VkPipelineStageFlags work = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  auto all = typed<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  all.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  all.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_UNIFORM_READ_BIT |
                      VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  if (indirect) all.dstAccessMask |= VK_ACCESS_INDIRECT_COMMAND_READ_BIT;
  impl_->device.functions.vkCmdPipelineBarrier(impl_->target->commands, work,
                                               work | (indirect ? VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT : 0), 0, 1, &all, 0,
                                               nullptr, 0, nullptr);
}

void Recorder::host_barrier() {
  auto all = typed<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  all.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  all.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  impl_->device.functions.vkCmdPipelineBarrier(impl_->target->commands,
                                               VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                                               VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &all, 0, nullptr, 0, nullptr);
}

namespace {

bool inside(const Slice& slice) {
  return slice.buffer && slice.size > 0 && slice.offset <= slice.buffer->size() &&
         slice.size <= slice.buffer->size() - slice.offset;
}

}  // namespace

Status Recorder::copy(const Slice& from, const Slice& to) {
  const std::string& name = impl_->target->name;
  if (!inside(from) || !inside(to)) return invalid(join("[", name, "] A copy reaches beyond its buffer."));
  if (from.size != to.size)
    return invalid(join("[", name, "] A copy of ", from.size, " bytes was given room for ", to.size, "."));
  if (from.overlaps(to)) return invalid(join("[", name, "] A copy inside ", from.buffer->name(), " overlaps itself."));
  const VkBufferCopy region{from.offset, to.offset, from.size};
  impl_->device.functions.vkCmdCopyBuffer(impl_->target->commands, from.buffer->impl().buffer, to.buffer->impl().buffer,
                                          1, &region);
  return Done{};
}

Status Recorder::fill(const Slice& slice, uint32_t word) {
  if (!inside(slice) || slice.offset % 4 || slice.size % 4) {
    return invalid(join("[", impl_->target->name, "] A fill must cover whole words inside a buffer; ", slice.size,
                        " bytes at ", slice.offset, " were given."));
  }
  impl_->device.functions.vkCmdFillBuffer(impl_->target->commands, slice.buffer->impl().buffer, slice.offset,
                                          slice.size, word);
  return Done{};
}

void Recorder::timestamp() {
  CommandBuffer::Impl& target = *impl_->target;
  if (target.query_count >= impl_->max_timestamps) return;
  impl_->device.functions.vkCmdWriteTimestamp(target.commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, target.queries,
                                              target.query_count++);
}

void Recorder::label(const std::string& name) {
  const Instance& instance = impl_->device.instance;
  if (!instance.debug_utils || !instance.functions.vkCmdBeginDebugUtilsLabelEXT) return;
  if (impl_->labelled) instance.functions.vkCmdEndDebugUtilsLabelEXT(impl_->target->commands);
  auto info = typed<VkDebugUtilsLabelEXT>(VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT);
  info.pLabelName = name.c_str();
  instance.functions.vkCmdBeginDebugUtilsLabelEXT(impl_->target->commands, &info);
  impl_->labelled = true;
}

Result<CommandBuffer> Recorder::end() {
  Device::Impl& d = impl_->device;
  if (impl_->labelled) d.instance.functions.vkCmdEndDebugUtilsLabelEXT(impl_->target->commands);
  const VkResult result = d.functions.vkEndCommandBuffer(impl_->target->commands);
  if (result != VK_SUCCESS) return d.failed(join("[", impl_->target->name, "] vkEndCommandBuffer"), result);
  return CommandBuffer(std::move(impl_->target));
}

// -- CommandBuffer

CommandBuffer::Impl::~Impl() {
  if (!device.may_destroy()) return;
  const VolkDeviceTable& vk = device.functions;
  if (queries) vk.vkDestroyQueryPool(device.device, queries, nullptr);
  for (const VkDescriptorPool descriptors : descriptor_pools)
    vk.vkDestroyDescriptorPool(device.device, descriptors, nullptr);
  if (pool) vk.vkDestroyCommandPool(device.device, pool, nullptr);
}

CommandBuffer::CommandBuffer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CommandBuffer::CommandBuffer(CommandBuffer&&) noexcept = default;
CommandBuffer& CommandBuffer::operator=(CommandBuffer&&) noexcept = default;
CommandBuffer::~CommandBuffer() = default;

std::vector<double> CommandBuffer::timings() const {
  const uint32_t count = impl_->query_count;
  Device::Impl& d = impl_->device;
  if (count < 2 || d.lost || !impl_->ran) return {};
  std::vector<uint64_t> ticks(count);
  const VkResult result =
      d.functions.vkGetQueryPoolResults(d.device, impl_->queries, 0, count, count * sizeof(uint64_t), ticks.data(),
                                        sizeof(uint64_t), VK_QUERY_RESULT_64_BIT);
  if (result != VK_SUCCESS) return {};
  const uint64_t mask = d.facts.timestamp_bits >= 64 ? ~uint64_t(0) : (uint64_t(1) << d.facts.timestamp_bits) - 1;
  std::vector<double> milliseconds;
  for (uint32_t i = 0; i + 1 < count; ++i)
    milliseconds.push_back(double((ticks[i + 1] - ticks[i]) & mask) * d.facts.timestamp_ns * 1e-6);
  return milliseconds;
}

}  // namespace lorikeet
