// Internal: Vulkan's entry points as tables, one for an instance and one for a device, since several may live at once.
// Files of this folder include <volk.h> before it.
#pragma once

#ifndef VOLK_H_
#error "include <volk.h> before the internal headers of runtime/device"
#endif

#include <string>

#include "runtime/base/result.h"

namespace lorikeet {

struct InstanceFunctions {
  PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr = nullptr;
  PFN_vkDestroyInstance vkDestroyInstance = nullptr;
  PFN_vkEnumeratePhysicalDevices vkEnumeratePhysicalDevices = nullptr;
  PFN_vkEnumerateDeviceExtensionProperties vkEnumerateDeviceExtensionProperties = nullptr;
  PFN_vkGetPhysicalDeviceProperties vkGetPhysicalDeviceProperties = nullptr;
  PFN_vkGetPhysicalDeviceProperties2 vkGetPhysicalDeviceProperties2 = nullptr;
  PFN_vkGetPhysicalDeviceFeatures2 vkGetPhysicalDeviceFeatures2 = nullptr;
  PFN_vkGetPhysicalDeviceMemoryProperties2 vkGetPhysicalDeviceMemoryProperties2 = nullptr;
  PFN_vkGetPhysicalDeviceQueueFamilyProperties vkGetPhysicalDeviceQueueFamilyProperties = nullptr;
  PFN_vkCreateDevice vkCreateDevice = nullptr;
  PFN_vkGetDeviceProcAddr vkGetDeviceProcAddr = nullptr;
  PFN_vkCreateDebugUtilsMessengerEXT vkCreateDebugUtilsMessengerEXT = nullptr;    // null without the extension
  PFN_vkDestroyDebugUtilsMessengerEXT vkDestroyDebugUtilsMessengerEXT = nullptr;  // likewise
  PFN_vkSetDebugUtilsObjectNameEXT vkSetDebugUtilsObjectNameEXT = nullptr;        // likewise
  PFN_vkCmdBeginDebugUtilsLabelEXT vkCmdBeginDebugUtilsLabelEXT = nullptr;        // likewise
  PFN_vkCmdEndDebugUtilsLabelEXT vkCmdEndDebugUtilsLabelEXT = nullptr;            // likewise
#ifdef VK_KHR_cooperative_matrix
  PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR = nullptr;
#endif
};

// What can be called before there is an instance.
struct LoaderFunctions {
  PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr = nullptr;
  PFN_vkCreateInstance vkCreateInstance = nullptr;
  PFN_vkEnumerateInstanceExtensionProperties vkEnumerateInstanceExtensionProperties = nullptr;
  PFN_vkEnumerateInstanceLayerProperties vkEnumerateInstanceLayerProperties = nullptr;
  uint32_t version = 0;
};

// Finds the Vulkan loader of this system; says how to install one if there is none, or if it is too old.
Result<LoaderFunctions> load_loader();

InstanceFunctions load_instance(PFN_vkGetInstanceProcAddr get, VkInstance instance);
Result<VolkDeviceTable> load_device(const InstanceFunctions& functions, VkDevice device);

// A structure of Vulkan, zeroed, with its type filled in.
template <class T>
T typed(VkStructureType type) {
  T value{};
  value.sType = type;
  return value;
}

const char* result_name(VkResult result);
// "[device] vkCreateBuffer failed: VK_ERROR_..." with the code that fits.
Error vulkan_error(const std::string& what, VkResult result);

// The driver behind a loader, for sentences: how a user gets one.
std::string how_to_install_a_driver();

}  // namespace lorikeet
