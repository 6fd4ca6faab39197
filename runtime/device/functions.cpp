#define VOLK_IMPLEMENTATION
#include <volk.h>

#include "runtime/device/functions.h"

#include <mutex>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// volk keeps a few pointers in globals: they are only touched under this lock.
std::mutex& volk_lock() {
  static std::mutex lock;
  return lock;
}

template <class Function>
void load(PFN_vkGetInstanceProcAddr get, VkInstance instance, const char* name, Function& function) {
  function = reinterpret_cast<Function>(get(instance, name));
}

}  // namespace

std::string how_to_install_a_driver() {
#if defined(_WIN32)
  return "Install the graphics driver of your GPU's vendor; it brings Vulkan.";
#elif defined(__APPLE__)
  return "Install MoltenVK, for example with `brew install molten-vk vulkan-loader`.";
#else
  return "Install the Vulkan driver of your GPU; on Debian and Ubuntu: `apt install libvulkan1 mesa-vulkan-drivers` (it "
         "also brings llvmpipe, which computes on the CPU).";
#endif
}

Result<LoaderFunctions> load_loader() {
  const std::lock_guard lock(volk_lock());
  if (volkInitialize() != VK_SUCCESS || !vkCreateInstance) {
    return not_found(join("[device] No Vulkan loader is installed on this system. ", how_to_install_a_driver()));
  }
  LoaderFunctions loader{vkGetInstanceProcAddr, vkCreateInstance, vkEnumerateInstanceExtensionProperties,
                         vkEnumerateInstanceLayerProperties, volkGetInstanceVersion()};
  if (loader.version < VK_API_VERSION_1_1) {
    return unsupported(join("[device] The Vulkan loader is of version 1.0, Vulkan 1.1 is needed. ", how_to_install_a_driver()));
  }
  return loader;
}

InstanceFunctions load_instance(PFN_vkGetInstanceProcAddr get, VkInstance instance) {
  InstanceFunctions f;
  f.vkGetInstanceProcAddr = get;
  load(get, instance, "vkDestroyInstance", f.vkDestroyInstance);
  load(get, instance, "vkEnumeratePhysicalDevices", f.vkEnumeratePhysicalDevices);
  load(get, instance, "vkEnumerateDeviceExtensionProperties", f.vkEnumerateDeviceExtensionProperties);
  load(get, instance, "vkGetPhysicalDeviceProperties", f.vkGetPhysicalDeviceProperties);
  load(get, instance, "vkGetPhysicalDeviceProperties2", f.vkGetPhysicalDeviceProperties2);
  load(get, instance, "vkGetPhysicalDeviceFeatures2", f.vkGetPhysicalDeviceFeatures2);
  load(get, instance, "vkGetPhysicalDeviceMemoryProperties2", f.vkGetPhysicalDeviceMemoryProperties2);
  load(get, instance, "vkGetPhysicalDeviceQueueFamilyProperties", f.vkGetPhysicalDeviceQueueFamilyProperties);
  load(get, instance, "vkCreateDevice", f.vkCreateDevice);
  load(get, instance, "vkGetDeviceProcAddr", f.vkGetDeviceProcAddr);
  load(get, instance, "vkCreateDebugUtilsMessengerEXT", f.vkCreateDebugUtilsMessengerEXT);
  load(get, instance, "vkDestroyDebugUtilsMessengerEXT", f.vkDestroyDebugUtilsMessengerEXT);
  load(get, instance, "vkSetDebugUtilsObjectNameEXT", f.vkSetDebugUtilsObjectNameEXT);
  load(get, instance, "vkCmdBeginDebugUtilsLabelEXT", f.vkCmdBeginDebugUtilsLabelEXT);
  load(get, instance, "vkCmdEndDebugUtilsLabelEXT", f.vkCmdEndDebugUtilsLabelEXT);
#ifdef VK_KHR_cooperative_matrix
  load(get, instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR", f.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR);
#endif
  return f;
}

VolkDeviceTable load_device(const InstanceFunctions& functions, VkDevice device) {
  const std::lock_guard lock(volk_lock());
  VolkDeviceTable table{};
  const PFN_vkGetDeviceProcAddr before = vkGetDeviceProcAddr;
  vkGetDeviceProcAddr = functions.vkGetDeviceProcAddr;
  volkLoadDeviceTable(&table, device);
  vkGetDeviceProcAddr = before;
  return table;
}

const char* result_name(VkResult result) {
  switch (result) {
    case VK_SUCCESS: return "VK_SUCCESS";
    case VK_NOT_READY: return "VK_NOT_READY";
    case VK_TIMEOUT: return "VK_TIMEOUT";
    case VK_INCOMPLETE: return "VK_INCOMPLETE";
    case VK_ERROR_OUT_OF_HOST_MEMORY: return "VK_ERROR_OUT_OF_HOST_MEMORY";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY: return "VK_ERROR_OUT_OF_DEVICE_MEMORY";
    case VK_ERROR_INITIALIZATION_FAILED: return "VK_ERROR_INITIALIZATION_FAILED";
    case VK_ERROR_DEVICE_LOST: return "VK_ERROR_DEVICE_LOST";
    case VK_ERROR_MEMORY_MAP_FAILED: return "VK_ERROR_MEMORY_MAP_FAILED";
    case VK_ERROR_LAYER_NOT_PRESENT: return "VK_ERROR_LAYER_NOT_PRESENT";
    case VK_ERROR_EXTENSION_NOT_PRESENT: return "VK_ERROR_EXTENSION_NOT_PRESENT";
    case VK_ERROR_FEATURE_NOT_PRESENT: return "VK_ERROR_FEATURE_NOT_PRESENT";
    case VK_ERROR_INCOMPATIBLE_DRIVER: return "VK_ERROR_INCOMPATIBLE_DRIVER";
    case VK_ERROR_TOO_MANY_OBJECTS: return "VK_ERROR_TOO_MANY_OBJECTS";
    case VK_ERROR_FRAGMENTED_POOL: return "VK_ERROR_FRAGMENTED_POOL";
    case VK_ERROR_OUT_OF_POOL_MEMORY: return "VK_ERROR_OUT_OF_POOL_MEMORY";
    case VK_ERROR_FRAGMENTATION: return "VK_ERROR_FRAGMENTATION";
    case VK_PIPELINE_COMPILE_REQUIRED: return "VK_PIPELINE_COMPILE_REQUIRED";
    case VK_ERROR_INVALID_SHADER_NV: return "VK_ERROR_INVALID_SHADER_NV";
    default: return "VK_ERROR_UNKNOWN";
  }
}

Error vulkan_error(const std::string& what, VkResult result) {
  ErrorCode code = ErrorCode::internal;
  switch (result) {
    case VK_ERROR_DEVICE_LOST: code = ErrorCode::device_lost; break;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
    case VK_ERROR_MEMORY_MAP_FAILED: code = ErrorCode::out_of_memory; break;
    case VK_ERROR_FEATURE_NOT_PRESENT:
    case VK_ERROR_EXTENSION_NOT_PRESENT:
    case VK_ERROR_INCOMPATIBLE_DRIVER: code = ErrorCode::unsupported; break;
    default: break;
  }
  return {code, join(what, " failed: ", result_name(result), " (", int(result), ")."), {}};
}

}  // namespace lorikeet
