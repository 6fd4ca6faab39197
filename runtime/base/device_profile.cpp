#include "runtime/base/device_profile.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

struct Capability {
  std::string_view name;
  bool DeviceProfile::*member;
};

constexpr Capability kCapabilities[] = {
    {"subgroup_arithmetic", &DeviceProfile::subgroup_arithmetic},
    {"storage_16", &DeviceProfile::storage_16},
    {"float16", &DeviceProfile::float16},
    {"storage_8", &DeviceProfile::storage_8},
    {"integer_dot", &DeviceProfile::integer_dot},
    {"buffer_address", &DeviceProfile::buffer_address},
    {"timeline", &DeviceProfile::timeline},
    {"timestamps", &DeviceProfile::timestamps},
    {"shared_memory", &DeviceProfile::shared_memory},
};

struct Limit {
  std::string_view name;
  uint32_t DeviceProfile::*narrow;
  uint64_t DeviceProfile::*wide;
  uint64_t floor;  // 0: the floor says nothing of it
};

constexpr Limit kLimits[] = {
    {"max_storage_range", nullptr, &DeviceProfile::max_storage_range, 128u << 20},
    {"max_storage_buffers", &DeviceProfile::max_storage_buffers, nullptr, 8},
    {"max_push_bytes", &DeviceProfile::max_push_bytes, nullptr, 128},
    {"max_shared_bytes", &DeviceProfile::max_shared_bytes, nullptr, 16384},
    {"max_workgroup_lanes", &DeviceProfile::max_workgroup_lanes, nullptr, 256},
    {"max_workgroups_x", &DeviceProfile::max_workgroups_x, nullptr, 65535},
    {"max_allocation", nullptr, &DeviceProfile::max_allocation, 0},
    {"memory_bytes", nullptr, &DeviceProfile::memory_bytes, 0},
};

void lower_limit(DeviceProfile& profile, const Limit& limit, uint64_t value) {
  if (limit.wide) profile.*limit.wide = std::min(profile.*limit.wide, value);
  else profile.*limit.narrow = uint32_t(std::min<uint64_t>(profile.*limit.narrow, value));
}

void lower_to_floor(DeviceProfile& profile) {
  for (const Capability& capability : kCapabilities)
    if (capability.name != "shared_memory") profile.*capability.member = false;
  for (const Limit& limit : kLimits)
    if (limit.floor) lower_limit(profile, limit, limit.floor);
  profile.storage_alignment = std::max(profile.storage_alignment, 256u);
  profile.min_subgroup_size = profile.max_subgroup_size = 0;
  profile.cooperative_matrix = {};
}

Error unknown(std::string_view item) {
  std::string names = "floor, cooperative_matrix, subgroup_choice, storage_alignment=N";
  for (const Capability& capability : kCapabilities) names += join(", ", capability.name);
  for (const Limit& limit : kLimits) names += join(", ", limit.name, "=N");
  return {ErrorCode::invalid_argument, join("LORIKEET_HIDE: '", item, "' is not something that can be lowered."),
          join("It takes a list, separated by commas, of: ", names)};
}

Status lower_one(DeviceProfile& profile, std::string_view item) {
  const size_t equals = item.find('=');
  const std::string_view name = item.substr(0, equals);
  if (equals == item.npos) {
    if (name == "floor") return lower_to_floor(profile), Done{};
    if (name == "cooperative_matrix") return profile.cooperative_matrix = {}, Done{};
    if (name == "subgroup_choice") return profile.min_subgroup_size = profile.max_subgroup_size = 0, Done{};
    for (const Capability& capability : kCapabilities)
      if (capability.name == name) return profile.*capability.member = false, Done{};
    return unknown(item);
  }
  const std::string_view digits = item.substr(equals + 1);
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc() || end != digits.data() + digits.size()) return unknown(item);
  if (name == "storage_alignment") {
    if (!std::has_single_bit(value) || value > 65536) return unknown(item);
    profile.storage_alignment = std::max(profile.storage_alignment, uint32_t(value));
    return Done{};
  }
  for (const Limit& limit : kLimits)
    if (limit.name == name) return lower_limit(profile, limit, value), Done{};
  return unknown(item);
}

}  // namespace

std::string DeviceProfile::key() const {
  std::ostringstream out;
  out << std::hex << vendor_id << ':' << device_id << ':' << driver_version << ' ' << name;
  return out.str();
}

Status lower(DeviceProfile& profile, std::string_view names) {
  while (!names.empty()) {
    const size_t comma = names.find(',');
    std::string_view item = names.substr(0, comma);
    names = comma == names.npos ? std::string_view() : names.substr(comma + 1);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty()) LK_TRY(lower_one(profile, item));
  }
  return Done{};
}

}  // namespace lorikeet
