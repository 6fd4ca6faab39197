#include <volk.h>

#include "runtime/device/kernel_check.h"

#include <algorithm>
#include <bit>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint32_t kMaxStorageBuffers = 8;  // the portability floor: more would not run everywhere

Status check_workgroup(const std::string& kernel, const KernelInterface& interface, const Facts& facts) {
  const uint32_t* size = interface.workgroup;
  uint64_t lanes = 1;
  for (int i = 0; i < 3; ++i) {
    if (size[i] == 0)
      return invalid(join(kernel, "The workgroup size ", size[0], " x ", size[1], " x ", size[2], " has no lanes."));
    if (size[i] > facts.max_local[i]) {
      return unsupported(join(kernel, "The workgroup has ", size[i], " lanes in dimension ", i, ", the device allows ",
                              facts.max_local[i], "."));
    }
    lanes *= size[i];
  }
  if (lanes > facts.profile.max_workgroup_lanes) {
    return unsupported(join(kernel, "The workgroup has ", lanes, " lanes, the device allows ",
                            facts.profile.max_workgroup_lanes, "."));
  }
  return Done{};
}

Status check_subgroup(const std::string& kernel, uint32_t size, const DeviceProfile& profile) {
  if (size == 0) return Done{};
  if (std::has_single_bit(size) && size >= profile.min_subgroup_size && size <= profile.max_subgroup_size)
    return Done{};
  if (profile.max_subgroup_size == 0) {
    return unsupported(
        join(kernel, "Subgroups of ", size, " were asked for, the device gives no choice of their size."));
  }
  return unsupported(join(kernel, "Subgroups of ", size, " were asked for, the device has ", profile.min_subgroup_size,
                          " to ", profile.max_subgroup_size, "."));
}

Status check_constants(const std::string& kernel, const KernelRequest& request, const KernelInterface& interface) {
  for (const SpecialisationConstant& constant : request.constants) {
    const auto& ids = interface.constant_ids;
    if (!std::binary_search(ids.begin(), ids.end(), constant.id)) {
      return invalid(join(kernel, "The shader has no specialisation constant ", constant.id, "."));
    }
  }
  return Done{};
}

}  // namespace

Status check_kernel(const KernelRequest& request, const KernelInterface& interface, const Facts& facts) {
  const std::string kernel = join("[", request.name, "] ");
  const DeviceProfile& profile = facts.profile;
  for (const uint32_t capability : interface.capabilities) {
    if (std::binary_search(facts.capabilities.begin(), facts.capabilities.end(), capability)) continue;
    return unsupported(join(kernel, "The kernel needs the SPIR-V capability ", capability, " (",
                            capability_name(capability), "), which ", profile.name,
                            " does not have or which is hidden."));
  }
  const auto uniforms =
      std::count_if(interface.bindings.begin(), interface.bindings.end(), [](const auto& b) { return b.uniform; });
  const size_t storage = interface.bindings.size() - size_t(uniforms);
  if (storage > kMaxStorageBuffers) {
    return unsupported(
        join(kernel, "The kernel binds ", storage, " storage buffers, Lorikeet allows ", kMaxStorageBuffers, "."));
  }
  if (storage > profile.max_storage_buffers) {
    return unsupported(join(kernel, "The kernel binds ", storage, " storage buffers, the device allows ",
                            profile.max_storage_buffers, "."));
  }
  if (interface.params_bytes > profile.max_push_bytes) {
    return unsupported(join(kernel, "The params have ", interface.params_bytes, " bytes, the device allows ",
                            profile.max_push_bytes, "."));
  }
  if (interface.shared_bytes > profile.max_shared_bytes) {
    return unsupported(join(kernel, "The workgroup memory has ", interface.shared_bytes, " bytes, the device allows ",
                            profile.max_shared_bytes, "."));
  }
  LK_TRY(check_constants(kernel, request, interface));
  LK_TRY(check_workgroup(kernel, interface, facts));
  return check_subgroup(kernel, request.required_subgroup_size, profile);
}

}  // namespace lorikeet
