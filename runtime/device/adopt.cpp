// Lorikeet on a VkDevice that the caller made.
#include <volk.h>

#include "runtime/base/text.h"
#include "runtime/device/impl.h"

namespace lorikeet {
namespace {

// Without these functions there is no Vulkan 1.1 to work with.
bool complete(const InstanceFunctions& vk) {
  return vk.vkGetDeviceProcAddr && vk.vkGetPhysicalDeviceProperties && vk.vkGetPhysicalDeviceProperties2 &&
         vk.vkGetPhysicalDeviceFeatures2 && vk.vkGetPhysicalDeviceMemoryProperties2 &&
         vk.vkGetPhysicalDeviceQueueFamilyProperties && vk.vkEnumerateDeviceExtensionProperties;
}

// Leaves of the features that the device could have those that the caller says it switched on.
void keep_given(Facts& facts, const ExternalDevice& given) {
  DeviceProfile& profile = facts.profile;
  profile.storage_16 &= given.storage_16;
  profile.storage_8 &= given.storage_8;
  profile.float16 &= given.float16;
  profile.integer_dot &= given.integer_dot;
  profile.timeline &= given.timeline;
  profile.buffer_address = false;
  profile.cooperative_matrix = {};
  profile.min_subgroup_size = profile.max_subgroup_size = 0;
  facts.features.core.features = {};
  facts.features.storage_16.uniformAndStorageBuffer16BitAccess = VK_FALSE;
  facts.features.storage_8.uniformAndStorageBuffer8BitAccess = VK_FALSE;
  facts.features.float16_int8.shaderInt8 = VK_FALSE;
  facts.features.memory_model.vulkanMemoryModel = facts.features.memory_model.vulkanMemoryModelDeviceScope = VK_FALSE;
  facts.features.executable_properties.pipelineExecutableInfo = VK_FALSE;
  pick_features(facts);
  settle_features(facts);
}

Status use_queue(const InstanceFunctions& vk, Facts& facts, uint32_t family) {
  uint32_t count = 0;
  vk.vkGetPhysicalDeviceQueueFamilyProperties(facts.handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vk.vkGetPhysicalDeviceQueueFamilyProperties(facts.handle, &count, families.data());
  if (family >= count || !(families[family].queueFlags & VK_QUEUE_COMPUTE_BIT)) {
    return invalid(join("[device] Queue family ", family, " of ", facts.profile.name, " does no compute work."));
  }
  facts.queue_family = family;
  facts.timestamp_bits = families[family].timestampValidBits;
  facts.profile.timestamps &= facts.timestamp_bits > 0;
  return Done{};
}

}  // namespace

Result<Device> Device::adopt(const ExternalDevice& external, const DeviceRequest& request) {
  if (!external.get_instance_proc_addr || !external.instance || !external.physical_device || !external.device ||
      !external.queue) {
    return invalid(
        "[device] A device to be adopted needs vkGetInstanceProcAddr, an instance, a physical device, a device and a "
        "queue.");
  }
  LK_ASSIGN(const Fault fault, parse_fault(request.options.fault));
  Instance instance = Instance::borrow(reinterpret_cast<PFN_vkGetInstanceProcAddr>(external.get_instance_proc_addr),
                                       static_cast<VkInstance>(external.instance));
  if (!complete(instance.functions))
    return unsupported("[device] The instance of a device to be adopted must be one of Vulkan 1.1 or later.");
  LK_ASSIGN(Facts facts, read_facts(instance.functions, static_cast<VkPhysicalDevice>(external.physical_device),
                                    request.options.hide));
  if (!facts.refusal.empty()) return unsupported(facts.refusal);
  keep_given(facts, external);
  LK_TRY(use_queue(instance.functions, facts, external.queue_family));
  auto impl = std::make_unique<Impl>(request, std::move(instance), std::move(facts));
  impl->fault = fault;
  LK_TRY(impl->start(static_cast<VkDevice>(external.device), static_cast<VkQueue>(external.queue), false));
  return Device(std::move(impl));
}

}  // namespace lorikeet
