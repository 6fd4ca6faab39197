#include <volk.h>

#include "runtime/device/facts.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

void read_extensions(const InstanceFunctions& vk, Facts& facts) {
  uint32_t count = 0;
  vk.vkEnumerateDeviceExtensionProperties(facts.handle, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> all(count);
  if (vk.vkEnumerateDeviceExtensionProperties(facts.handle, nullptr, &count, all.data()) < 0) return;
  all.resize(count);
  for (const VkExtensionProperties& extension : all) facts.extensions.insert(extension.extensionName);
}

DeviceKind kind_of(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return DeviceKind::discrete;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return DeviceKind::integrated;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return DeviceKind::cpu;
    default:
      return DeviceKind::other;
  }
}

void read_identity(const VkPhysicalDeviceProperties& properties, Facts& facts) {
  DeviceProfile& profile = facts.profile;
  profile.name = properties.deviceName;
  profile.vendor_id = properties.vendorID;
  profile.device_id = properties.deviceID;
  profile.driver_version = properties.driverVersion;
  profile.api_version = properties.apiVersion;
  profile.kind = kind_of(properties.deviceType);
  std::memcpy(facts.cache_uuid, properties.pipelineCacheUUID, VK_UUID_SIZE);
}

void read_limits(const VkPhysicalDeviceLimits& limits, Facts& facts) {
  DeviceProfile& profile = facts.profile;
  profile.max_storage_range = limits.maxStorageBufferRange;
  profile.storage_alignment = uint32_t(std::max<VkDeviceSize>(16, limits.minStorageBufferOffsetAlignment));
  profile.max_storage_buffers =
      std::min(limits.maxPerStageDescriptorStorageBuffers, limits.maxDescriptorSetStorageBuffers);
  profile.max_push_bytes = limits.maxPushConstantsSize;
  profile.max_shared_bytes = limits.maxComputeSharedMemorySize;
  profile.max_workgroup_lanes = std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]);
  profile.max_workgroups_x = limits.maxComputeWorkGroupCount[0];
  std::copy_n(limits.maxComputeWorkGroupCount, 3, facts.max_groups);
  std::copy_n(limits.maxComputeWorkGroupSize, 3, facts.max_local);
  facts.timestamp_ns = limits.timestampPeriod;
}

// Driver, subgroups and allocation.
void read_properties(const InstanceFunctions& vk, Facts& facts) {
  DeviceProfile& profile = facts.profile;
  auto all = typed<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  auto subgroup = typed<VkPhysicalDeviceSubgroupProperties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES);
  auto allocation =
      typed<VkPhysicalDeviceMaintenance3Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
  auto buffer =
      typed<VkPhysicalDeviceMaintenance4Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES);
  auto driver = typed<VkPhysicalDeviceDriverProperties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
  auto sizes = typed<VkPhysicalDeviceSubgroupSizeControlProperties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES);
  void** tail = &all.pNext;
  const auto chain = [&](auto& next) { *tail = &next, tail = &next.pNext; };
  chain(subgroup);
  chain(allocation);
  if (facts.knows(VK_API_VERSION_1_3, VK_KHR_MAINTENANCE_4_EXTENSION_NAME)) chain(buffer);
  if (facts.knows(VK_API_VERSION_1_2, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME)) chain(driver);
  if (facts.knows(VK_API_VERSION_1_3, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME)) chain(sizes);
  vk.vkGetPhysicalDeviceProperties2(facts.handle, &all);

  profile.driver = driver.driverName[0] ? join(driver.driverName, driver.driverInfo[0] ? " " : "", driver.driverInfo)
                                        : join("driver version ", profile.driver_version);
  profile.subgroup_size = std::max(1u, subgroup.subgroupSize);
  if (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) facts.subgroup_operations = subgroup.supportedOperations;
  constexpr VkSubgroupFeatureFlags kNeeded = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT |
                                             VK_SUBGROUP_FEATURE_BALLOT_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
  profile.subgroup_arithmetic = (facts.subgroup_operations & kNeeded) == kNeeded;
  if (allocation.maxMemoryAllocationSize) profile.max_allocation = allocation.maxMemoryAllocationSize;
  if (buffer.maxBufferSize) profile.max_allocation = std::min<uint64_t>(profile.max_allocation, buffer.maxBufferSize);
  if (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) {
    profile.min_subgroup_size = sizes.minSubgroupSize;
    profile.max_subgroup_size = sizes.maxSubgroupSize;
  }
}

// Compute without graphics keeps a desktop smooth; a queue without timestamps is the last resort.
void read_queues(const InstanceFunctions& vk, Facts& facts) {
  uint32_t count = 0;
  vk.vkGetPhysicalDeviceQueueFamilyProperties(facts.handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vk.vkGetPhysicalDeviceQueueFamilyProperties(facts.handle, &count, families.data());
  int best = -1;
  for (uint32_t i = 0; i < count; ++i) {
    const VkQueueFamilyProperties& family = families[i];
    if (!(family.queueFlags & VK_QUEUE_COMPUTE_BIT) || family.queueCount == 0) continue;
    const int score = (family.timestampValidBits ? 2 : 0) + (family.queueFlags & VK_QUEUE_GRAPHICS_BIT ? 0 : 1);
    if (score <= best) continue;
    best = score;
    facts.queue_family = i;
    facts.timestamp_bits = family.timestampValidBits;
  }
  facts.profile.timestamps = facts.timestamp_bits > 0 && facts.timestamp_ns > 0;
}

void read_memory(const InstanceFunctions& vk, Facts& facts) {
  auto all = typed<VkPhysicalDeviceMemoryProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
  vk.vkGetPhysicalDeviceMemoryProperties2(facts.handle, &all);
  facts.memory = all.memoryProperties;
  facts.memory_budget = facts.extensions.contains(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  bool mappable = false;
  for (uint32_t i = 0; i < facts.memory.memoryTypeCount; ++i) {
    const VkMemoryType& type = facts.memory.memoryTypes[i];
    if (!(type.propertyFlags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT)) continue;
    facts.profile.memory_bytes =
        std::max<uint64_t>(facts.profile.memory_bytes, facts.memory.memoryHeaps[type.heapIndex].size);
    constexpr VkMemoryPropertyFlags kMapped =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    mappable |= (type.propertyFlags & kMapped) == kMapped;
  }
  const DeviceKind kind = facts.profile.kind;
  facts.profile.shared_memory = mappable && (kind == DeviceKind::cpu || kind == DeviceKind::integrated);
}

#ifdef VK_KHR_cooperative_matrix
// The first shape of f16 x f16 -> f32 in a subgroup.
CooperativeMatrixShape read_cooperative_matrix(const InstanceFunctions& vk, const Facts& facts) {
  if (!vk.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR) return {};
  uint32_t count = 0;
  vk.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR(facts.handle, &count, nullptr);
  std::vector<VkCooperativeMatrixPropertiesKHR> all(
      count, typed<VkCooperativeMatrixPropertiesKHR>(VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR));
  if (vk.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR(facts.handle, &count, all.data()) < 0) return {};
  all.resize(count);
  for (const VkCooperativeMatrixPropertiesKHR& shape : all) {
    if (shape.AType == VK_COMPONENT_TYPE_FLOAT16_KHR && shape.BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
        shape.CType == VK_COMPONENT_TYPE_FLOAT32_KHR && shape.ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
        shape.scope == VK_SCOPE_SUBGROUP_KHR && !shape.saturatingAccumulation) {
      return {shape.MSize, shape.NSize, shape.KSize};
    }
  }
  return {};
}
#endif

// Asks which features there are, and notes in the profile those that it speaks of.
void read_features(const InstanceFunctions& vk, Facts& facts) {
  facts.link_features();
  vk.vkGetPhysicalDeviceFeatures2(facts.handle, &facts.features.core);
  const FeatureChain& have = facts.features;
  DeviceProfile& profile = facts.profile;
  profile.storage_16 = have.storage_16.storageBuffer16BitAccess;
  profile.storage_8 = have.storage_8.storageBuffer8BitAccess;
  profile.float16 = have.float16_int8.shaderFloat16;
  profile.timeline = have.timeline.timelineSemaphore;
  profile.buffer_address = have.buffer_address.bufferDeviceAddress;
  profile.integer_dot = have.integer_dot.shaderIntegerDotProduct;
  if (!have.subgroup_size.subgroupSizeControl) profile.min_subgroup_size = profile.max_subgroup_size = 0;
#ifdef VK_KHR_cooperative_matrix
  const bool matrices =
      have.cooperative_matrix.cooperativeMatrix && have.memory_model.vulkanMemoryModel;  // shaders say both
  if (matrices) profile.cooperative_matrix = read_cooperative_matrix(vk, facts);
#endif
}

}  // namespace

void Facts::link_features() {
  FeatureChain& f = features;
  f.core.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  void** tail = &f.core.pNext;
  const auto chain = [&](auto& next, VkStructureType type, uint32_t core_version, const char* extension) {
    next.sType = type;
    next.pNext = nullptr;
    if (!knows(core_version, extension)) return;
    *tail = &next;
    tail = &next.pNext;
  };
  *tail = nullptr;
  chain(f.storage_16, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES, VK_API_VERSION_1_1,
        VK_KHR_16BIT_STORAGE_EXTENSION_NAME);
  chain(f.storage_8, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES, VK_API_VERSION_1_2,
        VK_KHR_8BIT_STORAGE_EXTENSION_NAME);
  chain(f.float16_int8, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES, VK_API_VERSION_1_2,
        VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME);
  chain(f.timeline, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, VK_API_VERSION_1_2,
        VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME);
  chain(f.buffer_address, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES, VK_API_VERSION_1_2,
        VK_KHR_BUFFER_DEVICE_ADDRESS_EXTENSION_NAME);
  chain(f.memory_model, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES, VK_API_VERSION_1_2,
        VK_KHR_VULKAN_MEMORY_MODEL_EXTENSION_NAME);
  chain(f.integer_dot, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES, VK_API_VERSION_1_3,
        VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  chain(f.subgroup_size, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES, VK_API_VERSION_1_3,
        VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  chain(f.maintenance_4, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES, VK_API_VERSION_1_3,
        VK_KHR_MAINTENANCE_4_EXTENSION_NAME);
  chain(f.executable_properties, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, 0,
        VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
#ifdef VK_KHR_cooperative_matrix
  chain(f.cooperative_matrix, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, 0,
        VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
#endif
}

void pick_features(Facts& facts) {
  const FeatureChain have = facts.features;
  const DeviceProfile& profile = facts.profile;
  FeatureChain& want = facts.features;
  want = FeatureChain{};
  facts.link_features();
  want.core.features.shaderInt64 = have.core.features.shaderInt64;
  want.core.features.shaderInt16 = have.core.features.shaderInt16 && (profile.float16 || profile.storage_16);
  want.storage_16.storageBuffer16BitAccess = profile.storage_16;
  want.storage_16.uniformAndStorageBuffer16BitAccess =
      profile.storage_16 && have.storage_16.uniformAndStorageBuffer16BitAccess;
  want.storage_8.storageBuffer8BitAccess = profile.storage_8;
  want.storage_8.uniformAndStorageBuffer8BitAccess =
      profile.storage_8 && have.storage_8.uniformAndStorageBuffer8BitAccess;
  want.float16_int8.shaderFloat16 = profile.float16;
  want.float16_int8.shaderInt8 = have.float16_int8.shaderInt8 && profile.storage_8;
  want.timeline.timelineSemaphore = profile.timeline;
  want.buffer_address.bufferDeviceAddress = profile.buffer_address;
  want.memory_model.vulkanMemoryModel = have.memory_model.vulkanMemoryModel;
  want.memory_model.vulkanMemoryModelDeviceScope = have.memory_model.vulkanMemoryModelDeviceScope;
  want.integer_dot.shaderIntegerDotProduct = profile.integer_dot;
  want.subgroup_size.subgroupSizeControl = profile.max_subgroup_size > 0;
  want.subgroup_size.computeFullSubgroups = profile.max_subgroup_size > 0 && have.subgroup_size.computeFullSubgroups;
  want.maintenance_4.maintenance4 = have.maintenance_4.maintenance4;
  want.executable_properties.pipelineExecutableInfo = have.executable_properties.pipelineExecutableInfo;
  facts.pipeline_statistics = have.executable_properties.pipelineExecutableInfo;
#ifdef VK_KHR_cooperative_matrix
  want.cooperative_matrix.cooperativeMatrix = profile.cooperative_matrix.m > 0;
#endif
}

std::string below_floor(const DeviceProfile& profile) {
  const auto needs = [&](std::string_view what, uint64_t have, uint64_t floor) {
    return join("[device] ", profile.name, " allows ", what, " of ", have, ", Lorikeet needs ", floor, ".");
  };
  if (profile.max_storage_buffers < 8)
    return needs("a number of storage buffers a shader", profile.max_storage_buffers, 8);
  if (profile.max_storage_range < (128u << 20))
    return needs("a storage buffer range in bytes", profile.max_storage_range, 128u << 20);
  if (profile.max_push_bytes < 128) return needs("push constants in bytes", profile.max_push_bytes, 128);
  if (profile.max_shared_bytes < 16384) return needs("workgroup memory in bytes", profile.max_shared_bytes, 16384);
  if (profile.max_workgroup_lanes < 256) return needs("a workgroup size in lanes", profile.max_workgroup_lanes, 256);
  if (profile.max_workgroups_x < 65535) return needs("a number of workgroups", profile.max_workgroups_x, 65535);
  if (profile.storage_alignment > 256) {
    return join("[device] ", profile.name, " needs storage buffers aligned to ", profile.storage_alignment,
                " bytes, Lorikeet aligns them to at most 256.");
  }
  return "";
}

Result<Facts> read_facts(const InstanceFunctions& vk, VkPhysicalDevice device, std::string_view hide) {
  Facts facts;
  facts.handle = device;
  VkPhysicalDeviceProperties properties{};
  vk.vkGetPhysicalDeviceProperties(device, &properties);
  read_identity(properties, facts);
  read_limits(properties.limits, facts);
  if (properties.apiVersion < VK_API_VERSION_1_1) {
    facts.refusal =
        join("[device] ", facts.profile.name, " offers Vulkan ", VK_API_VERSION_MAJOR(properties.apiVersion), ".",
             VK_API_VERSION_MINOR(properties.apiVersion), ", Lorikeet needs 1.1; a newer driver may help.");
    return facts;
  }
  read_extensions(vk, facts);
  read_properties(vk, facts);
  read_queues(vk, facts);
  read_memory(vk, facts);
  read_features(vk, facts);
  LK_TRY(lower(facts.profile, hide));
  pick_features(facts);
  settle_features(facts);
  if (facts.queue_family == ~0u)
    facts.refusal = join("[device] ", facts.profile.name, " has no queue for compute work.");
  else facts.refusal = below_floor(facts.profile);
  return facts;
}

}  // namespace lorikeet
