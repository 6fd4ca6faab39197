#include <volk.h>

#include "runtime/device/device.h"

#include <algorithm>
#include <charconv>

#include "runtime/base/text.h"
#include "runtime/device/choice.h"
#include "runtime/device/impl.h"

namespace lorikeet {

Result<Fault> parse_fault(const std::string& text) {
  Fault fault;
  if (text.empty()) return fault;
  const size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  uint64_t count = 0;
  if (colon != text.npos) std::from_chars(text.data() + colon + 1, text.data() + text.size(), count);
  if (count > 0 && kind == "submit") fault.at_submission = count;
  else if (count > 0 && kind == "allocate") fault.at_allocation = count;
  else return invalid(join("LORIKEET_FAULT: '", text, "' is neither submit:N nor allocate:N with N from 1."));
  return fault;
}

// -- the inside

Status Device::Impl::create_device() {
  const float priority = 1.0f;
  auto queue_info = typed<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
  queue_info.queueFamilyIndex = facts.queue_family;
  queue_info.queueCount = 1;
  queue_info.pQueuePriorities = &priority;
  facts.link_features();
  auto info = typed<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  info.pNext = &facts.features.core;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue_info;
  info.enabledExtensionCount = uint32_t(facts.enabled_extensions.size());
  info.ppEnabledExtensionNames = facts.enabled_extensions.data();
  VkDevice made = VK_NULL_HANDLE;
  const VkResult result = instance.functions.vkCreateDevice(facts.handle, &info, nullptr, &made);
  if (result != VK_SUCCESS)
    return vulkan_error(join("[device] Opening ", facts.profile.name, " (vkCreateDevice)"), result);
  return start(made, VK_NULL_HANDLE, true);
}

Status Device::Impl::start(VkDevice made, VkQueue given, bool is_owned) {
  device = made;
  owned = is_owned;
  LK_ASSIGN(functions, load_device(instance.functions, device));
  queue = given;
  if (!queue) functions.vkGetDeviceQueue(device, facts.queue_family, 0, &queue);
  LK_TRY(submissions.open(functions, device, queue, facts.profile.timeline));
  set_name(VK_OBJECT_TYPE_QUEUE, queue, "lorikeet");
  const std::string cache = request.options.cache_folder();
  return pipeline_cache.open(functions, device, facts, cache.empty() ? "" : std::filesystem::path(cache) / "pipelines");
}

Device::Impl::~Impl() {
  if (!device) return;
  if (!functions.vkQueueWaitIdle) return;
  if (!may_destroy()) {
    instance.forget();
    return;
  }
  submissions.wait_idle();
  pipeline_cache.close();
  submissions.close();
  if (owned) functions.vkDestroyDevice(device, nullptr);
}

bool Device::Impl::may_destroy() {
  constexpr uint64_t kPatience = 2'000'000'000;  // ns, once: what was late may still come to an end
  if (!abandoned) return true;
  if (submissions.wait(submissions.last(), patience_spent.exchange(true) ? 0 : kPatience) != VK_SUCCESS) return false;
  abandoned = false;
  return true;
}

Error Device::Impl::lost_error() const {
  return {ErrorCode::device_lost,
          join("[device] ", facts.profile.name, " was lost: it stopped answering and must be opened again."),
          {}};
}

Error Device::Impl::failed(const std::string& what, VkResult result) {
  if (result == VK_ERROR_DEVICE_LOST) lost = true;
  return vulkan_error(what, result);
}

void Device::Impl::set_name_bits(VkObjectType type, uint64_t handle, const std::string& name) const {
  if (!instance.debug_utils || !instance.functions.vkSetDebugUtilsObjectNameEXT) return;
  auto info = typed<VkDebugUtilsObjectNameInfoEXT>(VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT);
  info.objectType = type;
  info.objectHandle = handle;
  info.pObjectName = name.c_str();
  instance.functions.vkSetDebugUtilsObjectNameEXT(device, &info);
}

// -- opening

Result<std::vector<DeviceCandidate>> Device::list(const Options& options) {
  DeviceRequest request{options, {}};
  request.options.validation = false;
  LK_ASSIGN(const Instance instance, Instance::create(request));
  LK_ASSIGN(Choices choices, choose_device(instance, options));
  return std::move(choices.candidates);
}

bool Device::validation_available() { return Instance::has_validation_layer(); }

Result<Device> Device::open(const DeviceRequest& request) {
  LK_ASSIGN(const Fault fault, parse_fault(request.options.fault));
  LK_ASSIGN(Instance instance, Instance::create(request));
  LK_ASSIGN(Choices choices, choose_device(instance, request.options));
  const auto chosen =
      std::find_if(choices.candidates.begin(), choices.candidates.end(), [](const auto& c) { return c.chosen; });
  if (chosen == choices.candidates.end()) return unsupported(choices.refusal);
  Facts& facts = choices.facts[size_t(chosen - choices.candidates.begin())];
  auto impl = std::make_unique<Impl>(request, std::move(instance), std::move(facts));
  impl->fault = fault;
  LK_TRY(impl->create_device());
  return Device(std::move(impl));
}

Device::Device(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Device::Device(Device&&) noexcept = default;
Device& Device::operator=(Device&&) noexcept = default;
Device::~Device() = default;

Status Device::reopen() {
  if (!impl_->owned) return unsupported("[device] A device of the caller's cannot be opened again by Lorikeet.");
  DeviceRequest request = impl_->request;
  const bool happened = impl_->fault.at_submission == 0 && impl_->allocated >= impl_->fault.at_allocation;
  if (happened) request.options.fault.clear();
  LK_ASSIGN(Device fresh, open(request));
  retired_.push_back(std::move(impl_));
  impl_ = std::move(fresh.impl_);
  ++generation_;
  std::erase_if(retired_, [](const std::unique_ptr<Impl>& old) { return old->children == 0; });
  return Done{};
}

const DeviceProfile& Device::profile() const { return impl_->facts.profile; }
const Options& Device::options() const { return impl_->request.options; }
void Device::log(const std::string& line) const { impl_->log(line); }
uint64_t Device::memory_used() const { return impl_->memory.total; }
uint64_t Device::memory_available() const { return impl_->local_left(); }
bool Device::lost() const { return impl_->lost; }
uint64_t Device::submissions() const { return impl_->submitted; }

std::vector<std::string> Device::validation_messages() const {
  return impl_->instance.messages ? impl_->instance.messages->all() : std::vector<std::string>();
}

}  // namespace lorikeet
