// The device that tests run on: one a process, opened when first asked for, with validation where it is installed.
#pragma once

#include <string>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/plan/kernels.h"

namespace lorikeet::test {

// The options of the environment, with validation on where the layer is installed. LORIKEET_VALIDATION=0 keeps it off.
Options device_options();

// The shared device, or null where there is none: then LK_SKIP(no_device, ...).
Device* test_device();
KernelLibrary& test_kernels();  // of the shared device: compiled once for all tests
const std::string& no_device_reason();

// A device of a test's own. Its validation messages count like those of the shared one.
Result<Device> open_device(const Options& options);
LogSink recording_log();  // passes lines on to `log_lines` and counts validation messages
std::vector<std::string> log_lines();

// After the last test: closes the shared device and prints all validation messages. False if there were any.
bool finish_devices();

}  // namespace lorikeet::test
