// Which extensions and SPIR-V capabilities follow from the features that are switched on.
#include <volk.h>

#include <algorithm>

#include "runtime/device/facts.h"

namespace lorikeet {
namespace {

// Numbers and names as in the SPIR-V specification, section 3.31.
struct CapabilityName {
  uint32_t number;
  const char* name;
};

constexpr CapabilityName kNames[] = {
    {1, "Shader"},
    {9, "Float16"},
    {10, "Float64"},
    {11, "Int64"},
    {22, "Int16"},
    {39, "Int8"},
    {61, "GroupNonUniform"},
    {62, "GroupNonUniformVote"},
    {63, "GroupNonUniformArithmetic"},
    {64, "GroupNonUniformBallot"},
    {65, "GroupNonUniformShuffle"},
    {66, "GroupNonUniformShuffleRelative"},
    {67, "GroupNonUniformClustered"},
    {68, "GroupNonUniformQuad"},
    {4433, "StorageBuffer16BitAccess"},
    {4434, "UniformAndStorageBuffer16BitAccess"},
    {4435, "StoragePushConstant16"},
    {4448, "StorageBuffer8BitAccess"},
    {4449, "UniformAndStorageBuffer8BitAccess"},
    {4450, "StoragePushConstant8"},
    {4467, "RoundingModeRTE"},
    {5345, "VulkanMemoryModel"},
    {5346, "VulkanMemoryModelDeviceScope"},
    {5347, "PhysicalStorageBufferAddresses"},
    {6016, "DotProductInputAll"},
    {6017, "DotProductInput4x8Bit"},
    {6018, "DotProductInput4x8BitPacked"},
    {6019, "DotProduct"},
    {6022, "CooperativeMatrixKHR"},
};

std::vector<uint32_t> enabled_capabilities(const Facts& facts) {
  const FeatureChain& on = facts.features;
  std::vector<uint32_t> numbers = {0, 1};  // Matrix, Shader
  const auto add = [&](bool condition, std::initializer_list<uint32_t> more) {
    if (condition) numbers.insert(numbers.end(), more);
  };
  const VkSubgroupFeatureFlags operations = facts.subgroup_operations;
  const bool subgroups = facts.profile.subgroup_arithmetic;
  add(on.core.features.shaderInt64, {11});
  add(on.core.features.shaderInt16, {22});
  add(on.float16_int8.shaderFloat16, {9});
  add(on.float16_int8.shaderInt8, {39});
  add(on.storage_16.storageBuffer16BitAccess, {4433});
  add(on.storage_16.uniformAndStorageBuffer16BitAccess, {4434});
  add(on.storage_8.storageBuffer8BitAccess, {4448});
  add(on.storage_8.uniformAndStorageBuffer8BitAccess, {4449});
  add(operations & VK_SUBGROUP_FEATURE_BASIC_BIT, {61});
  add(subgroups && (operations & VK_SUBGROUP_FEATURE_VOTE_BIT), {62});
  add(subgroups, {63, 65});
  add(subgroups && (operations & VK_SUBGROUP_FEATURE_BALLOT_BIT), {64});
  add(subgroups && (operations & VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT), {66});
  add(subgroups && (operations & VK_SUBGROUP_FEATURE_CLUSTERED_BIT), {67});
  add(subgroups && (operations & VK_SUBGROUP_FEATURE_QUAD_BIT), {68});
  add(on.memory_model.vulkanMemoryModel, {5345});
  add(on.memory_model.vulkanMemoryModelDeviceScope, {5346});
  add(on.buffer_address.bufferDeviceAddress, {5347});
  add(on.integer_dot.shaderIntegerDotProduct, {6016, 6017, 6018, 6019});
  add(facts.profile.cooperative_matrix.m > 0, {6022});
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

const char* capability_name(uint32_t capability) {
  for (const CapabilityName& row : kNames)
    if (row.number == capability) return row.name;
  return "unknown to Lorikeet";
}

void settle_features(Facts& facts) {
  const FeatureChain& on = facts.features;
  facts.enabled_extensions.clear();
  const auto need = [&](bool wanted, uint32_t core_version, const char* extension) {
    if (wanted && facts.profile.api_version < core_version && facts.extensions.contains(extension))
      facts.enabled_extensions.push_back(extension);
  };
  constexpr uint32_t kNever = ~0u;  // never part of the core
  need(on.storage_8.storageBuffer8BitAccess, VK_API_VERSION_1_2, VK_KHR_8BIT_STORAGE_EXTENSION_NAME);
  need(on.float16_int8.shaderFloat16 || on.float16_int8.shaderInt8, VK_API_VERSION_1_2,
       VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME);
  need(on.timeline.timelineSemaphore, VK_API_VERSION_1_2, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME);
  need(on.buffer_address.bufferDeviceAddress, VK_API_VERSION_1_2, VK_KHR_BUFFER_DEVICE_ADDRESS_EXTENSION_NAME);
  need(on.memory_model.vulkanMemoryModel, VK_API_VERSION_1_2, VK_KHR_VULKAN_MEMORY_MODEL_EXTENSION_NAME);
  need(on.integer_dot.shaderIntegerDotProduct, VK_API_VERSION_1_3, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  need(on.subgroup_size.subgroupSizeControl, VK_API_VERSION_1_3, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  need(on.maintenance_4.maintenance4, VK_API_VERSION_1_3, VK_KHR_MAINTENANCE_4_EXTENSION_NAME);
  need(on.executable_properties.pipelineExecutableInfo, kNever, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
  need(facts.memory_budget, kNever, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  need(true, kNever, "VK_KHR_portability_subset");  // where a device has it, it must be switched on
#ifdef VK_KHR_cooperative_matrix
  need(on.cooperative_matrix.cooperativeMatrix, kNever, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
#endif
  facts.capabilities = enabled_capabilities(facts);
}

}  // namespace lorikeet
