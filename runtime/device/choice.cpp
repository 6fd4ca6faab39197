#include <volk.h>

#include "runtime/device/choice.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

int rank(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::discrete:
      return 3;
    case DeviceKind::integrated:
      return 2;
    case DeviceKind::other:
      return 1;
    case DeviceKind::cpu:
      return 0;
  }
  return 0;
}

const char* kind_name(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::discrete:
      return "discrete GPU";
    case DeviceKind::integrated:
      return "integrated GPU";
    case DeviceKind::other:
      return "virtual device";
    case DeviceKind::cpu:
      return "software device";
  }
  return "device";
}

std::string lower_case(std::string text) {
  for (char& c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// Is this the device that the user asked for, by number or by a part of its name?
bool matches(const DeviceCandidate& candidate, const std::string& wanted) {
  uint32_t number = 0;
  const auto [end, failure] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
  if (failure == std::errc() && end == wanted.data() + wanted.size()) return candidate.index == number;
  return lower_case(candidate.profile.name).find(lower_case(wanted)) != std::string::npos;
}

std::string list_names(const std::vector<DeviceCandidate>& candidates) {
  std::string names;
  for (const DeviceCandidate& candidate : candidates)
    names += join(names.empty() ? "" : ", ", candidate.index, " (", candidate.profile.name, ")");
  return names;
}

void choose_asked(Choices& all, const std::string& wanted) {
  for (DeviceCandidate& candidate : all.candidates) {
    if (!matches(candidate, wanted)) {
      if (candidate.usable) candidate.reason = join("'", wanted, "' was asked for.");
      continue;
    }
    if (!candidate.usable) {
      if (all.refusal.empty()) all.refusal = candidate.reason;
      continue;
    }
    const bool first =
        std::none_of(all.candidates.begin(), all.candidates.end(), [](const auto& c) { return c.chosen; });
    candidate.chosen = first;
    candidate.reason = first ? "It was asked for." : "An earlier device fits what was asked for as well.";
  }
  if (all.refusal.empty())
    all.refusal = join("[device] No Vulkan device fits '", wanted, "'; there are: ", list_names(all.candidates), ".");
}

void choose_best(Choices& all) {
  DeviceCandidate* best = nullptr;
  for (DeviceCandidate& candidate : all.candidates)
    if (candidate.usable && (!best || rank(candidate.profile.kind) > rank(best->profile.kind))) best = &candidate;
  for (DeviceCandidate& candidate : all.candidates) {
    if (!candidate.usable) {
      all.refusal += join(all.refusal.empty() ? "" : " ", candidate.reason);
    } else if (&candidate == best) {
      candidate.chosen = true;
      candidate.reason = join("It is the first ", kind_name(candidate.profile.kind), ".");
    } else {
      candidate.reason =
          join("It is a ", kind_name(candidate.profile.kind), "; ", best->profile.name, " is preferred.");
    }
  }
}

}  // namespace

Result<Choices> choose_device(const Instance& instance, const Options& options) {
  const InstanceFunctions& vk = instance.functions;
  uint32_t count = 0;
  VkResult result = vk.vkEnumeratePhysicalDevices(instance.handle, &count, nullptr);
  std::vector<VkPhysicalDevice> devices(result == VK_SUCCESS ? count : 0);
  if (result == VK_SUCCESS && count > 0)
    result = vk.vkEnumeratePhysicalDevices(instance.handle, &count, devices.data());
  if (result == VK_ERROR_OUT_OF_HOST_MEMORY) return vulkan_error("[device] vkEnumeratePhysicalDevices", result);
  devices.resize(result < 0 ? 0 : std::min<size_t>(count, devices.size()));
  if (devices.empty())
    return not_found(join("[device] No Vulkan device was found on this system. ", how_to_install_a_driver()));

  Choices all;
  for (uint32_t i = 0; i < devices.size(); ++i) {
    LK_ASSIGN(Facts facts, read_facts(vk, devices[i], options.hide));
    DeviceCandidate candidate;
    candidate.index = i;
    candidate.profile = facts.profile;
    candidate.usable = facts.refusal.empty();
    candidate.reason = facts.refusal;
    all.candidates.push_back(std::move(candidate));
    all.facts.push_back(std::move(facts));
  }
  if (options.device.empty()) choose_best(all);
  else choose_asked(all, options.device);
  return all;
}

}  // namespace lorikeet
