#include "tests/support/device.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>

namespace lorikeet::test {
namespace {

struct Shared {
  std::mutex lock;
  std::vector<std::string> lines;
  bool opened = false;
  std::optional<Device> device;
  KernelLibrary kernels;  // goes before the device
  std::string reason;
};

Shared& shared() {
  static Shared all;
  return all;
}

bool is_validation(const std::string& line) { return line.starts_with("[validation]"); }

}  // namespace

Options device_options() {
  Options options = Options::from_environment();
  if (!std::getenv("LORIKEET_VALIDATION")) options.validation = Device::validation_available();
  return options;
}

LogSink recording_log() {
  return [](const std::string& line) {
    const std::lock_guard lock(shared().lock);
    shared().lines.push_back(line);
  };
}

std::vector<std::string> log_lines() {
  const std::lock_guard lock(shared().lock);
  return shared().lines;
}

Result<Device> open_device(const Options& options) { return Device::open({options, recording_log()}); }

Device* test_device() {
  if (!shared().opened) {
    shared().opened = true;
    auto device = open_device(device_options());
    if (device) shared().device.emplace(std::move(device).value());
    else shared().reason = device.error().message;
    if (!shared().device) std::printf("no device: %s\n", shared().reason.c_str());
  }
  return shared().device ? &*shared().device : nullptr;
}

KernelLibrary& test_kernels() { return shared().kernels; }

const std::string& no_device_reason() { return shared().reason; }

bool finish_devices() {
  shared().kernels = {};
  shared().device.reset();
  size_t messages = 0;
  for (const std::string& line : log_lines()) {
    if (!is_validation(line)) continue;
    ++messages;
    std::printf("%s\n", line.c_str());
  }
  if (messages > 0) std::printf("FAIL: %zu validation messages.\n", messages);
  return messages == 0;
}

}  // namespace lorikeet::test
