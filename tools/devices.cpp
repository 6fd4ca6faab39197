// lorikeet devices: every Vulkan device, which one is chosen, and why the others are not.
#include <nlohmann/json.hpp>

#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

std::string_view kind_text(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::cpu:
      return "software";
    case DeviceKind::integrated:
      return "integrated";
    case DeviceKind::discrete:
      return "discrete";
    case DeviceKind::other:
      return "other";
  }
  return "other";
}

std::vector<std::string> capabilities(const DeviceProfile& p) {
  std::vector<std::string> list;
  const auto add = [&](bool has, const char* name) {
    if (has) list.emplace_back(name);
  };
  add(p.subgroup_arithmetic, "subgroup_arithmetic");
  add(p.storage_16, "storage_16");
  add(p.float16, "float16");
  add(p.storage_8, "storage_8");
  add(p.integer_dot, "integer_dot");
  add(p.cooperative_matrix.m > 0, "cooperative_matrix");
  add(p.buffer_address, "buffer_address");
  add(p.timeline, "timeline");
  add(p.timestamps, "timestamps");
  return list;
}

std::string version_text(uint32_t version) {
  return join(version >> 22, ".", version >> 12 & 0x3ff, ".", version & 0xfff);
}

void print_text(const DeviceCandidate& device) {
  const DeviceProfile& p = device.profile;
  std::string list;
  for (const std::string& capability : capabilities(p)) list += " " + capability;
  print(join(device.chosen ? "* " : "  ", device.index, "  ", p.name, "\n     ", kind_text(p.kind), ", Vulkan ",
             version_text(p.api_version), ", ", p.driver, ", ", size_text(p.memory_bytes), ", subgroups of ",
             p.subgroup_size, "\n     has:", list.empty() ? " nothing above the floor" : list, "\n     ",
             device.chosen   ? "chosen: "
             : device.usable ? "not chosen: "
                             : "not usable: ",
             device.reason, "\n"));
}

nlohmann::ordered_json to_json(const DeviceCandidate& device) {
  const DeviceProfile& p = device.profile;
  return {{"index", device.index},
          {"name", p.name},
          {"driver", p.driver},
          {"kind", kind_text(p.kind)},
          {"vulkan", version_text(p.api_version)},
          {"memory_bytes", p.memory_bytes},
          {"subgroup_size", p.subgroup_size},
          {"capabilities", capabilities(p)},
          {"usable", device.usable},
          {"chosen", device.chosen},
          {"reason", device.reason}};
}

Status run(const DeviceOptions& options, bool json) {
  LK_ASSIGN(const std::vector<DeviceCandidate> devices, Device::list(options.environment()));
  if (json) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const DeviceCandidate& device : devices) all.push_back(to_json(device));
    print(nlohmann::ordered_json{{"devices", all}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
          "\n");
  } else {
    for (const DeviceCandidate& device : devices) print_text(device);
  }
  for (const DeviceCandidate& device : devices)
    if (device.chosen) return Done{};
  if (devices.empty())
    return not_found("No Vulkan device was found; install a Vulkan driver, for one Mesa's software driver lavapipe.");
  return unsupported("No Vulkan device can be used; the list says why.");
}

}  // namespace

void add_devices(CLI::App& program, Job& job) {
  struct Flags {
    DeviceOptions device;
    bool json = false;
  };
  const auto flags = std::make_shared<Flags>();
  CLI::App* command =
      program.add_subcommand("devices", "Lists every Vulkan device: which one is chosen, and why the others are not.");
  flags->device.add(*command);
  command->add_flag("--json", flags->json, "Prints one JSON object. Example: lorikeet devices --json");
  command->callback([flags, &job] { job = [flags] { return run(flags->device, flags->json); }; });
}

}  // namespace lorikeet::tool
