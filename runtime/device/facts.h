// Internal: what is known of one VkPhysicalDevice, and which of its features Lorikeet switches on.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/device_profile.h"
#include "runtime/device/functions.h"

namespace lorikeet {

// Every feature structure above Vulkan 1.0 that Lorikeet may ask for. Those that the device knows are chained from
// `core`; link() again after a copy.
struct FeatureChain {
  VkPhysicalDeviceFeatures2 core{};
  VkPhysicalDevice16BitStorageFeatures storage_16{};
  VkPhysicalDevice8BitStorageFeatures storage_8{};
  VkPhysicalDeviceShaderFloat16Int8Features float16_int8{};
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{};
  VkPhysicalDeviceBufferDeviceAddressFeatures buffer_address{};
  VkPhysicalDeviceVulkanMemoryModelFeatures memory_model{};
  VkPhysicalDeviceShaderIntegerDotProductFeatures integer_dot{};
  VkPhysicalDeviceSubgroupSizeControlFeatures subgroup_size{};
  VkPhysicalDeviceMaintenance4Features maintenance_4{};
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executable_properties{};
#ifdef VK_KHR_cooperative_matrix
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR cooperative_matrix{};
#endif
};

struct Facts {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  DeviceProfile profile;
  std::string refusal;  // a sentence; empty if the device can be used

  std::set<std::string, std::less<>> extensions;  // all that the device offers
  std::vector<const char*> enabled_extensions;
  FeatureChain features;               // to be switched on
  std::vector<uint32_t> capabilities;  // SPIR-V capabilities that kernels may need, sorted
  VkSubgroupFeatureFlags subgroup_operations = 0;

  VkPhysicalDeviceMemoryProperties memory{};
  bool memory_budget = false;        // VK_EXT_memory_budget
  bool pipeline_statistics = false;  // VK_KHR_pipeline_executable_properties
  uint32_t queue_family = ~0u;
  uint32_t timestamp_bits = 0;
  double timestamp_ns = 0;  // of one tick
  uint32_t max_groups[3] = {65535, 65535, 65535};
  uint32_t max_local[3] = {128, 128, 64};
  uint8_t cache_uuid[VK_UUID_SIZE] = {};

  // Is this part of the device's core version, or offered as an extension?
  bool knows(uint32_t core_version, std::string_view extension) const {
    return (core_version && profile.api_version >= core_version) || extensions.contains(extension);
  }
  void link_features();  // builds the chain of the structures that the device knows, from features.core on
};

// Reads a device's facts, lowers what `hide` names and picks the features. An error only if `hide` is malformed.
Result<Facts> read_facts(const InstanceFunctions& functions, VkPhysicalDevice device, std::string_view hide);

// Why the profile is below the portability floor: a sentence, or "".
std::string below_floor(const DeviceProfile& profile);

// Keeps of `features` those that Lorikeet has a use for and that the (lowered) profile still has.
void pick_features(Facts& facts);

// Fills `enabled_extensions` and `capabilities` from the features that are switched on.
void settle_features(Facts& facts);

const char* capability_name(uint32_t capability);

}  // namespace lorikeet
