// Lorikeet on a VkDevice of the caller's.
#include "tests/device/support.h"

#ifndef _WIN32
#include <dlfcn.h>
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

// What a caller would have made: an instance, a device with timeline semaphores, a queue.
struct Caller {
  template <class Function>
  Function get(const char* name) const {
    return reinterpret_cast<Function>(loader(instance, name));
  }

  explicit Caller(bool wants_timeline) {
    library = dlopen("libvulkan.so.1", RTLD_NOW);
    if (!library) return;
    loader = reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library, "vkGetInstanceProcAddr"));
    VkApplicationInfo application{};
    application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
    application.apiVersion = VK_API_VERSION_1_2;
    VkInstanceCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
    info.pApplicationInfo = &application;
    REQUIRE(get<PFN_vkCreateInstance>("vkCreateInstance")(&info, nullptr, &instance) == VK_SUCCESS);
    uint32_t count = 1;
    get<PFN_vkEnumeratePhysicalDevices>("vkEnumeratePhysicalDevices")(instance, &count, &physical);
    REQUIRE(count == 1);
    const float priority = 1;
    VkDeviceQueueCreateInfo queue_info{};
    queue_info.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
    queue_info.queueCount = 1;
    queue_info.pQueuePriorities = &priority;
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline{};
    timeline.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
    timeline.timelineSemaphore = VK_TRUE;
    VkDeviceCreateInfo device_info{};
    device_info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
    if (wants_timeline) device_info.pNext = &timeline;
    device_info.queueCreateInfoCount = 1;
    device_info.pQueueCreateInfos = &queue_info;
    REQUIRE(get<PFN_vkCreateDevice>("vkCreateDevice")(physical, &device_info, nullptr, &device) == VK_SUCCESS);
    get<PFN_vkGetDeviceQueue>("vkGetDeviceQueue")(device, 0, 0, &queue);
  }

  ~Caller() {
    if (device) get<PFN_vkDestroyDevice>("vkDestroyDevice")(device, nullptr);
    if (instance) get<PFN_vkDestroyInstance>("vkDestroyInstance")(instance, nullptr);
  }

  ExternalDevice external() const {
    ExternalDevice out;
    out.get_instance_proc_addr = reinterpret_cast<void*>(loader);
    out.instance = instance;
    out.physical_device = physical;
    out.device = device;
    out.queue = queue;
    return out;
  }

  void* library = nullptr;
  PFN_vkGetInstanceProcAddr loader = nullptr;
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
};

}  // namespace

TEST_CASE("a caller's device computes, with the features that the caller names") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  for (const bool timeline : {false, true}) {
    if (timeline && !test_device()->profile().timeline) continue;
    const Caller caller(timeline);
    ExternalDevice external = caller.external();
    external.timeline = timeline;
    {
      Device device = take(Device::adopt(external, {device_options(), recording_log()}));
      CHECK(device.profile().timeline == timeline);
      CHECK_FALSE((device.profile().storage_16 || device.profile().float16 || device.profile().buffer_address));
      const Kernel fill = fill_kernel(device);
      const Buffer y = floats(device, MemoryUse::readback, 256);
      auto recorder = take(Recorder::begin(device, "fill"));
      recorder.label("a label that nobody hears");
      record_fill(recorder, fill, {&y, 0, y.size()}, 6.0f);
      recorder.host_barrier();
      run(device, take(recorder.end()));
      CHECK(all_are(read(y), 6.0f));
      CHECK(device.reopen().error().code == ErrorCode::unsupported);
    }
    // The caller's objects are still the caller's.
    CHECK(caller.get<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle")(caller.device) == VK_SUCCESS);
  }
}

TEST_CASE("a device to be adopted is checked") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  const Caller caller(false);
  ExternalDevice nothing = caller.external();
  nothing.queue = nullptr;
  CHECK(Device::adopt(nothing, {}).error().code == ErrorCode::invalid_argument);
  ExternalDevice wrong = caller.external();
  wrong.queue_family = 99;
  const auto refused = Device::adopt(wrong, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("Queue family 99") != std::string::npos);
}
#endif
