#include "frontend/api/handles.h"

using namespace lorikeet;
using namespace lorikeet::api;

namespace {

Result<DeviceRequest> device_request(const lk_device_options* given) {
  LK_ASSIGN(const lk_device_options o, read_options(given, "lk_device_options"));
  DeviceRequest request{Options::from_environment(), {}};
  if (o.device) request.options.device = o.device;
  if (o.cache_folder) request.options.cache_dir = o.cache_folder;
  if (o.compile_threads > 0) request.options.compile_threads = o.compile_threads;
  if (o.validation) request.options.validation = true;
  if (o.log) request.log = [log = o.log, user = o.log_user](const std::string& line) { log(user, line.c_str()); };
  return request;
}

const char* kind_name(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::cpu:
      return "cpu";
    case DeviceKind::integrated:
      return "integrated";
    case DeviceKind::discrete:
      return "discrete";
    case DeviceKind::other:
      return "other";
  }
  return "other";
}

}  // namespace

lk_status lk_device_list(const lk_device_options* options, lk_device_info_fn on_device, void* user) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_device_list", {reinterpret_cast<const void*>(on_device)}));
    LK_ASSIGN(const DeviceRequest request, device_request(options));
    LK_ASSIGN(const std::vector<DeviceCandidate> devices, Device::list(request.options));
    for (const DeviceCandidate& d : devices) {
      const lk_device_info info{sizeof info,
                                d.index,
                                d.usable,
                                d.chosen,
                                d.profile.name.c_str(),
                                d.profile.driver.c_str(),
                                kind_name(d.profile.kind),
                                d.reason.c_str(),
                                d.profile.memory_bytes};
      on_device(user, &info);
    }
    return Done{};
  });
}

lk_status lk_device_open(const lk_device_options* options, lk_device** device) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_device_open", {device}));
    *device = nullptr;
    LK_ASSIGN(const DeviceRequest request, device_request(options));
    LK_ASSIGN(Device opened, Device::open(request));
    *device = new lk_device{std::move(opened)};
    return Done{};
  });
}

lk_status lk_device_adopt(const lk_external_device* external, const lk_device_options* options, lk_device** device) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_device_adopt", {external, device}));
    *device = nullptr;
    LK_ASSIGN(const lk_external_device e, read_options(external, "lk_external_device"));
    LK_ASSIGN(const DeviceRequest request, device_request(options));
    ExternalDevice given;
    given.get_instance_proc_addr = e.get_instance_proc_addr;
    given.instance = e.instance;
    given.physical_device = e.physical_device;
    given.device = e.device;
    given.queue = e.queue;
    given.queue_family = e.queue_family;
    given.storage_16 = e.storage_16 != 0;
    given.float16 = e.float16 != 0;
    given.storage_8 = e.storage_8 != 0;
    given.integer_dot = e.integer_dot != 0;
    given.timeline = e.timeline != 0;
    LK_ASSIGN(Device adopted, Device::adopt(given, request));
    *device = new lk_device{std::move(adopted)};
    return Done{};
  });
}

lk_status lk_device_close(lk_device* device) { return release(device, "device"); }
const char* lk_device_name(const lk_device* device) { return device ? device->device.profile().name.c_str() : ""; }

lk_status lk_device_memory(const lk_device* device, uint64_t* used, uint64_t* available) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_device_memory", {device}));
    if (used) *used = device->device.memory_used();
    if (available) *available = device->device.memory_available();
    return Done{};
  });
}
