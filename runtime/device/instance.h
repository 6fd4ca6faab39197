// Internal: the connection to Vulkan, with the validation layers' messages.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/device/functions.h"

namespace lorikeet {

// Collects and logs what the validation layers say. They may speak from any thread.
class Messages {
 public:
  explicit Messages(LogSink log) : log_(std::move(log)) {}
  void add(const std::string& text);
  std::vector<std::string> all() const;

 private:
  LogSink log_;
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

// Owns a VkInstance and its messenger, or borrows a caller's instance. Move-only.
class Instance {
 public:
  static Result<Instance> create(const DeviceRequest& request);
  static Instance borrow(PFN_vkGetInstanceProcAddr get, VkInstance instance);
  static bool has_validation_layer();
  Instance(Instance&& other) noexcept;
  Instance& operator=(Instance&&) = delete;
  ~Instance();

  void forget() { handle = VK_NULL_HANDLE; }  // leaves the VkInstance alive: something in it still runs

  VkInstance handle = VK_NULL_HANDLE;
  InstanceFunctions functions;
  bool debug_utils = false;  // names and labels reach the driver, layers and captures
  std::unique_ptr<Messages> messages;

 private:
  Instance() = default;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  bool owned_ = false;
};

}  // namespace lorikeet
