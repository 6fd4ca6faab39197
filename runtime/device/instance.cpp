#include <volk.h>

#include "runtime/device/instance.h"

#include <cstring>
#include <utility>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

bool layer_present(const LoaderFunctions& loader, const char* name) {
  uint32_t count = 0;
  loader.vkEnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> layers(count);
  if (loader.vkEnumerateInstanceLayerProperties(&count, layers.data()) < 0) return false;
  layers.resize(count);
  for (const VkLayerProperties& layer : layers)
    if (!std::strcmp(layer.layerName, name)) return true;
  return false;
}

bool extension_present(const LoaderFunctions& loader, const char* layer, const char* name) {
  uint32_t count = 0;
  loader.vkEnumerateInstanceExtensionProperties(layer, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  if (loader.vkEnumerateInstanceExtensionProperties(layer, &count, extensions.data()) < 0) return false;
  extensions.resize(count);
  for (const VkExtensionProperties& extension : extensions)
    if (!std::strcmp(extension.extensionName, name)) return true;
  return false;
}

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  std::string text = data->pMessage ? data->pMessage : "";
  for (uint32_t i = 0; i < data->objectCount; ++i)
    if (data->pObjects[i].pObjectName) text += join(" [", data->pObjects[i].pObjectName, "]");
  static_cast<Messages*>(user)->add(text);
  return VK_FALSE;
}

VkDebugUtilsMessengerCreateInfoEXT messenger_info(Messages* messages) {
  auto info = typed<VkDebugUtilsMessengerCreateInfoEXT>(VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT);
  info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  info.pfnUserCallback = on_message;
  info.pUserData = messages;
  return info;
}

}  // namespace

void Messages::add(const std::string& text) {
  const std::lock_guard lock(mutex_);
  texts_.push_back(text);
  if (log_) log_("[validation] " + text);
}

std::vector<std::string> Messages::all() const {
  const std::lock_guard lock(mutex_);
  return texts_;
}

bool Instance::has_validation_layer() {
  const auto loader = load_loader();
  return loader.ok() && layer_present(*loader, kValidationLayer);
}

Result<Instance> Instance::create(const DeviceRequest& request) {
  LK_ASSIGN(const LoaderFunctions loader, load_loader());
  const bool validation = request.options.validation;
  if (validation && !layer_present(loader, kValidationLayer)) {
    return not_found(join("[device] Validation was asked for (LORIKEET_VALIDATION), but the layer ", kValidationLayer,
                          " is not installed; on Debian and Ubuntu: `apt install vulkan-validationlayers`."));
  }
  Instance instance;
  instance.owned_ = true;
  std::vector<const char*> extensions, layers;
  if (validation) layers.push_back(kValidationLayer);
  instance.debug_utils = validation || extension_present(loader, nullptr, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  if (instance.debug_utils) extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  const bool portability = extension_present(loader, nullptr, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
  if (portability) extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);

  auto application = typed<VkApplicationInfo>(VK_STRUCTURE_TYPE_APPLICATION_INFO);
  application.pApplicationName = application.pEngineName = "lorikeet";
  application.apiVersion = VK_API_VERSION_1_3;
  auto info = typed<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  info.flags = portability ? VkInstanceCreateFlags(VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR) : 0;
  info.pApplicationInfo = &application;

  VkDebugUtilsMessengerCreateInfoEXT listener{};
  const VkValidationFeatureEnableEXT checks[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  auto features = typed<VkValidationFeaturesEXT>(VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT);
  features.enabledValidationFeatureCount = 1;
  features.pEnabledValidationFeatures = checks;
  if (validation) {
    instance.messages = std::make_unique<Messages>(request.log);
    listener = messenger_info(instance.messages.get());
    info.pNext = &listener;
    if (extension_present(loader, kValidationLayer, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME)) {
      extensions.push_back(VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
      listener.pNext = &features;
    }
  }
  info.enabledExtensionCount = uint32_t(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  info.enabledLayerCount = uint32_t(layers.size());
  info.ppEnabledLayerNames = layers.data();

  const VkResult result = loader.vkCreateInstance(&info, nullptr, &instance.handle);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
    return not_found(join("[device] No Vulkan driver is installed on this system. ", how_to_install_a_driver()));
  }
  if (result != VK_SUCCESS) return vulkan_error("[device] Opening Vulkan (vkCreateInstance)", result);
  instance.functions = load_instance(loader.vkGetInstanceProcAddr, instance.handle);
  if (validation) {
    listener.pNext = nullptr;
    const VkResult made =
        instance.functions.vkCreateDebugUtilsMessengerEXT(instance.handle, &listener, nullptr, &instance.messenger_);
    if (made != VK_SUCCESS) return vulkan_error("[device] vkCreateDebugUtilsMessengerEXT", made);
  }
  return instance;
}

Instance Instance::borrow(PFN_vkGetInstanceProcAddr get, VkInstance handle) {
  Instance instance;
  instance.handle = handle;
  instance.functions = load_instance(get, handle);
  return instance;
}

Instance::Instance(Instance&& other) noexcept
    : handle(std::exchange(other.handle, VK_NULL_HANDLE)),
      functions(other.functions),
      debug_utils(other.debug_utils),
      messages(std::move(other.messages)),
      messenger_(std::exchange(other.messenger_, VK_NULL_HANDLE)),
      owned_(other.owned_) {}

Instance::~Instance() {
  if (!handle || !owned_) return;
  if (messenger_) functions.vkDestroyDebugUtilsMessengerEXT(handle, messenger_, nullptr);
  functions.vkDestroyInstance(handle, nullptr);
}

}  // namespace lorikeet
