// What a device can do, as plain data: kernels are chosen by comparing it with what they need. Tests can make one up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace lorikeet {

enum class DeviceKind { cpu, integrated, discrete, other };

struct CooperativeMatrixShape {
  uint32_t m = 0, n = 0, k = 0;  // 0: none
};

struct DeviceProfile {
  // Identity; `key()` names it in the choice table and the pipeline cache.
  std::string name;    // "llvmpipe (LLVM 15.0.6, 256 bits)"
  std::string driver;  // driver name and version
  uint32_t vendor_id = 0, device_id = 0, driver_version = 0, api_version = 0;
  DeviceKind kind = DeviceKind::other;
  bool shared_memory = false;  // device-local memory that the host can map

  // Limits.
  uint64_t max_storage_range = 128u << 20;  // bytes of one storage buffer binding
  uint32_t storage_alignment = 256;         // minStorageBufferOffsetAlignment
  uint32_t max_storage_buffers = 8;         // per stage
  uint32_t max_push_bytes = 128;
  uint32_t max_shared_bytes = 16384;
  uint32_t max_workgroup_lanes = 256;
  uint32_t max_workgroups_x = 65535;
  uint64_t max_allocation = 1u << 30;
  uint64_t memory_bytes = 0;  // of the heap that weights go to

  // Capabilities above the floor.
  uint32_t subgroup_size = 1;
  uint32_t min_subgroup_size = 0, max_subgroup_size = 0;  // what a kernel may ask for; 0: no choice
  bool subgroup_arithmetic = false;                       // basic + arithmetic + ballot + shuffle in compute
  bool storage_16 = false;                                // 16-bit storage buffers
  bool float16 = false;                                   // fp16 arithmetic
  bool storage_8 = false;
  bool integer_dot = false;  // dot products of packed 4x8-bit integers, accelerated or not
  bool buffer_address = false;
  bool timeline = false;  // timeline semaphores
  bool timestamps = false;
  CooperativeMatrixShape cooperative_matrix;  // f16 x f16 -> f32, subgroup scope

  // Measured when the device is opened; nanoseconds and bytes a second. 0: not measured.
  double dispatch_ns = 0;
  double bandwidth = 0;

  std::string key() const;  // "vendor:device:driver_version name", stable between runs
};

// Lowers what `names` lists, separated by commas: capabilities by name ("float16"), limits with a value
// ("max_storage_buffers=8"). A limit that is lower already stays; storage_alignment is raised instead. "floor" stands
// for the portability floor: no capability, and the smallest limits that Lorikeet runs with.
// memory_bytes=N caps the device-local memory. An unknown name gives invalid_argument.
Status lower(DeviceProfile& profile, std::string_view names);

}  // namespace lorikeet
