// volk's headers give the types and the device table. Its own pointers are globals with the names of Vulkan's
// functions, which would clash with those of a program that links the Vulkan loader itself; so the tables are filled
// here.
#include <volk.h>

#include "runtime/device/functions.h"

#include "runtime/base/text.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace lorikeet {
namespace {

// The loader stays open as long as the process lives: drivers keep threads and handlers of their own.
PFN_vkGetInstanceProcAddr find_loader() {
#if defined(_WIN32)
  const HMODULE library = LoadLibraryA("vulkan-1.dll");
  if (!library) return nullptr;
  return reinterpret_cast<PFN_vkGetInstanceProcAddr>(
      reinterpret_cast<void (*)()>(GetProcAddress(library, "vkGetInstanceProcAddr")));
#else
#if defined(__APPLE__)
  constexpr const char* kNames[] = {"libvulkan.dylib", "libvulkan.1.dylib", "libMoltenVK.dylib"};
#else
  constexpr const char* kNames[] = {"libvulkan.so.1", "libvulkan.so"};
#endif
  for (const char* name : kNames)
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL))
      return reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library, "vkGetInstanceProcAddr"));
  return nullptr;
#endif
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
  return "Install the Vulkan driver of your GPU; on Debian and Ubuntu: `apt install libvulkan1 mesa-vulkan-drivers` "
         "(it "
         "also brings llvmpipe, which computes on the CPU).";
#endif
}

Result<LoaderFunctions> load_loader() {
  LoaderFunctions loader;
  loader.vkGetInstanceProcAddr = find_loader();
  if (!loader.vkGetInstanceProcAddr) {
    return not_found(join("[device] No Vulkan loader is installed on this system. ", how_to_install_a_driver()));
  }
  PFN_vkEnumerateInstanceVersion version = nullptr;
  load(loader.vkGetInstanceProcAddr, nullptr, "vkCreateInstance", loader.vkCreateInstance);
  load(loader.vkGetInstanceProcAddr, nullptr, "vkEnumerateInstanceExtensionProperties",
       loader.vkEnumerateInstanceExtensionProperties);
  load(loader.vkGetInstanceProcAddr, nullptr, "vkEnumerateInstanceLayerProperties",
       loader.vkEnumerateInstanceLayerProperties);
  load(loader.vkGetInstanceProcAddr, nullptr, "vkEnumerateInstanceVersion", version);
  if (!version || version(&loader.version) != VK_SUCCESS || loader.version < VK_API_VERSION_1_1 ||
      !loader.vkCreateInstance || !loader.vkEnumerateInstanceExtensionProperties ||
      !loader.vkEnumerateInstanceLayerProperties) {
    return unsupported(
        join("[device] The Vulkan loader is too old, Vulkan 1.1 is needed. ", how_to_install_a_driver()));
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
  load(get, instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR",
       f.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR);
#endif
  return f;
}

Result<VolkDeviceTable> load_device(const InstanceFunctions& functions, VkDevice device) {
  VolkDeviceTable t{};
  const char* missing = nullptr;
  const auto find = [&](const char* name, auto& function) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(functions.vkGetDeviceProcAddr(device, name));
  };
  const auto get = [&](const char* name, auto& function) {
    find(name, function);
    if (!function) missing = name;
  };
  get("vkAllocateCommandBuffers", t.vkAllocateCommandBuffers);
  get("vkAllocateDescriptorSets", t.vkAllocateDescriptorSets);
  get("vkAllocateMemory", t.vkAllocateMemory);
  get("vkBeginCommandBuffer", t.vkBeginCommandBuffer);
  get("vkBindBufferMemory", t.vkBindBufferMemory);
  get("vkCmdBindDescriptorSets", t.vkCmdBindDescriptorSets);
  get("vkCmdBindPipeline", t.vkCmdBindPipeline);
  get("vkCmdCopyBuffer", t.vkCmdCopyBuffer);
  get("vkCmdDispatch", t.vkCmdDispatch);
  get("vkCmdDispatchIndirect", t.vkCmdDispatchIndirect);
  get("vkCmdFillBuffer", t.vkCmdFillBuffer);
  get("vkCmdPipelineBarrier", t.vkCmdPipelineBarrier);
  get("vkCmdPushConstants", t.vkCmdPushConstants);
  get("vkCmdResetQueryPool", t.vkCmdResetQueryPool);
  get("vkCmdWriteTimestamp", t.vkCmdWriteTimestamp);
  get("vkCreateBuffer", t.vkCreateBuffer);
  get("vkCreateCommandPool", t.vkCreateCommandPool);
  get("vkCreateComputePipelines", t.vkCreateComputePipelines);
  get("vkCreateDescriptorPool", t.vkCreateDescriptorPool);
  get("vkCreateDescriptorSetLayout", t.vkCreateDescriptorSetLayout);
  get("vkCreateFence", t.vkCreateFence);
  get("vkCreatePipelineCache", t.vkCreatePipelineCache);
  get("vkCreatePipelineLayout", t.vkCreatePipelineLayout);
  get("vkCreateQueryPool", t.vkCreateQueryPool);
  get("vkCreateSemaphore", t.vkCreateSemaphore);
  get("vkCreateShaderModule", t.vkCreateShaderModule);
  get("vkDestroyBuffer", t.vkDestroyBuffer);
  get("vkDestroyCommandPool", t.vkDestroyCommandPool);
  get("vkDestroyDescriptorPool", t.vkDestroyDescriptorPool);
  get("vkDestroyDescriptorSetLayout", t.vkDestroyDescriptorSetLayout);
  get("vkDestroyDevice", t.vkDestroyDevice);
  get("vkDestroyFence", t.vkDestroyFence);
  get("vkDestroyPipeline", t.vkDestroyPipeline);
  get("vkDestroyPipelineCache", t.vkDestroyPipelineCache);
  get("vkDestroyPipelineLayout", t.vkDestroyPipelineLayout);
  get("vkDestroyQueryPool", t.vkDestroyQueryPool);
  get("vkDestroySemaphore", t.vkDestroySemaphore);
  get("vkDestroyShaderModule", t.vkDestroyShaderModule);
  get("vkEndCommandBuffer", t.vkEndCommandBuffer);
  get("vkFreeMemory", t.vkFreeMemory);
  get("vkGetBufferMemoryRequirements", t.vkGetBufferMemoryRequirements);
  get("vkGetDeviceQueue", t.vkGetDeviceQueue);
  get("vkGetFenceStatus", t.vkGetFenceStatus);
  get("vkGetPipelineCacheData", t.vkGetPipelineCacheData);
  get("vkGetQueryPoolResults", t.vkGetQueryPoolResults);
  get("vkMapMemory", t.vkMapMemory);
  get("vkQueueSubmit", t.vkQueueSubmit);
  get("vkQueueWaitIdle", t.vkQueueWaitIdle);
  get("vkResetFences", t.vkResetFences);
  get("vkUpdateDescriptorSets", t.vkUpdateDescriptorSets);
  get("vkWaitForFences", t.vkWaitForFences);
  if (missing) return unsupported(join("[device] The driver lacks the function ", missing, " of Vulkan 1.0."));
  // Above the floor: each user looks whether it is there.
  find("vkWaitSemaphores", t.vkWaitSemaphores);
  find("vkWaitSemaphoresKHR", t.vkWaitSemaphoresKHR);
  find("vkGetSemaphoreCounterValue", t.vkGetSemaphoreCounterValue);
  find("vkGetSemaphoreCounterValueKHR", t.vkGetSemaphoreCounterValueKHR);
  find("vkGetPipelineExecutablePropertiesKHR", t.vkGetPipelineExecutablePropertiesKHR);
  find("vkGetPipelineExecutableStatisticsKHR", t.vkGetPipelineExecutableStatisticsKHR);
  return t;
}

const char* result_name(VkResult result) {
  switch (result) {
    case VK_SUCCESS:
      return "VK_SUCCESS";
    case VK_NOT_READY:
      return "VK_NOT_READY";
    case VK_TIMEOUT:
      return "VK_TIMEOUT";
    case VK_INCOMPLETE:
      return "VK_INCOMPLETE";
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return "VK_ERROR_OUT_OF_HOST_MEMORY";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "VK_ERROR_OUT_OF_DEVICE_MEMORY";
    case VK_ERROR_INITIALIZATION_FAILED:
      return "VK_ERROR_INITIALIZATION_FAILED";
    case VK_ERROR_DEVICE_LOST:
      return "VK_ERROR_DEVICE_LOST";
    case VK_ERROR_MEMORY_MAP_FAILED:
      return "VK_ERROR_MEMORY_MAP_FAILED";
    case VK_ERROR_LAYER_NOT_PRESENT:
      return "VK_ERROR_LAYER_NOT_PRESENT";
    case VK_ERROR_EXTENSION_NOT_PRESENT:
      return "VK_ERROR_EXTENSION_NOT_PRESENT";
    case VK_ERROR_FEATURE_NOT_PRESENT:
      return "VK_ERROR_FEATURE_NOT_PRESENT";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return "VK_ERROR_INCOMPATIBLE_DRIVER";
    case VK_ERROR_TOO_MANY_OBJECTS:
      return "VK_ERROR_TOO_MANY_OBJECTS";
    case VK_ERROR_FRAGMENTED_POOL:
      return "VK_ERROR_FRAGMENTED_POOL";
    case VK_ERROR_OUT_OF_POOL_MEMORY:
      return "VK_ERROR_OUT_OF_POOL_MEMORY";
    case VK_ERROR_FRAGMENTATION:
      return "VK_ERROR_FRAGMENTATION";
    case VK_PIPELINE_COMPILE_REQUIRED:
      return "VK_PIPELINE_COMPILE_REQUIRED";
    case VK_ERROR_INVALID_SHADER_NV:
      return "VK_ERROR_INVALID_SHADER_NV";
    default:
      return "VK_ERROR_UNKNOWN";
  }
}

Error vulkan_error(const std::string& what, VkResult result) {
  ErrorCode code = ErrorCode::internal;
  switch (result) {
    case VK_ERROR_DEVICE_LOST:
      code = ErrorCode::device_lost;
      break;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
    case VK_ERROR_MEMORY_MAP_FAILED:
      code = ErrorCode::out_of_memory;
      break;
    case VK_ERROR_FEATURE_NOT_PRESENT:
    case VK_ERROR_EXTENSION_NOT_PRESENT:
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      code = ErrorCode::unsupported;
      break;
    default:
      break;
  }
  return {code, join(what, " failed: ", result_name(result), " (", int(result), ")."), {}};
}

}  // namespace lorikeet
