// Choosing and opening devices: reasons, refusals, lowered capabilities, several devices at once.
#include <cstdlib>

#include "tests/device/support.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

Options with_hidden(const std::string& more) {
  Options options = device_options();
  options.hide += (options.hide.empty() ? "" : ",") + more;
  return options;
}

// The error of opening a device with these options.
Error refused(const Options& options) {
  auto device = open_device(options);
  REQUIRE_FALSE(device.ok());
  return device.error();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the list of devices names one as chosen and gives every reason") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  const auto all = take(Device::list(device_options()));
  REQUIRE_FALSE(all.empty());
  CHECK(std::count_if(all.begin(), all.end(), [](const auto& c) { return c.chosen; }) == 1);
  for (const DeviceCandidate& candidate : all) {
    CHECK_FALSE(candidate.profile.name.empty());
    CHECK_FALSE(candidate.profile.driver.empty());
    CHECK_FALSE(candidate.reason.empty());
    CHECK((candidate.usable || !candidate.chosen));
  }
}

TEST_CASE("a device is opened by number and by a part of its name") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  const std::string name = test_device()->profile().name;
  Options options = device_options();
  options.device = "0";
  CHECK(open_device(options).ok());
  options.device = name.substr(0, 5);
  for (char& c : options.device) c = char(std::toupper(static_cast<unsigned char>(c)));
  CHECK(open_device(options).ok());
  options.device = "no such device";
  CHECK(contains(refused(options).message, "No Vulkan device fits 'no such device'; there are: 0 (" + name));
  options.device = "77";
  CHECK(contains(refused(options).message, "No Vulkan device fits '77'"));
}

TEST_CASE("a device below the floor is refused with a sentence") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  struct {
    const char* hide;
    const char* part;
  } cases[] = {{"max_storage_buffers=4", "allows a number of storage buffers a shader of 4, Lorikeet needs 8."},
               {"max_storage_range=1000", "allows a storage buffer range in bytes of 1000, Lorikeet needs 134217728."},
               {"max_push_bytes=64", "allows push constants in bytes of 64, Lorikeet needs 128."},
               {"max_shared_bytes=8192", "allows workgroup memory in bytes of 8192, Lorikeet needs 16384."},
               {"max_workgroup_lanes=128", "allows a workgroup size in lanes of 128, Lorikeet needs 256."},
               {"storage_alignment=512", "needs storage buffers aligned to 512 bytes"}};
  for (const auto& [hide, part] : cases) {
    INFO(hide);
    const Error error = refused(with_hidden(hide));
    CHECK(error.code == ErrorCode::unsupported);
    CHECK(contains(error.message, part));
    const auto all = take(Device::list(with_hidden(hide)));
    CHECK(std::none_of(all.begin(), all.end(), [](const auto& c) { return c.usable || c.chosen; }));
  }
}

TEST_CASE("malformed settings are refused") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  CHECK(refused(with_hidden("telepathy")).code == ErrorCode::invalid_argument);
  CHECK(refused(with_hidden("max_push_bytes=many")).code == ErrorCode::invalid_argument);
  for (const char* fault : {"submit", "submit:", "submit:0", "explode:3"}) {
    Options options = device_options();
    options.fault = fault;
    CHECK(contains(refused(options).message, "is neither submit:N nor allocate:N"));
  }
}

TEST_CASE("the profile keeps to the floor") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  const DeviceProfile& have = test_device()->profile();
  CHECK(have.subgroup_size >= 1);
  CHECK(have.memory_bytes > 0);
  CHECK(have.max_allocation > 0);
  CHECK(have.api_version > 0);
  const Device floor = take(open_device(with_hidden("floor")));
  const DeviceProfile& low = floor.profile();
  CHECK_FALSE((low.storage_16 || low.storage_8 || low.float16 || low.integer_dot || low.timeline || low.timestamps));
  CHECK_FALSE((low.subgroup_arithmetic || low.buffer_address));
  CHECK(low.cooperative_matrix.m == 0);
  CHECK(low.max_storage_range == (128u << 20));
  CHECK(low.storage_alignment == 256);
  CHECK(low.max_storage_buffers == 8);
  CHECK(low.max_workgroup_lanes == 256);
  CHECK(low.max_shared_bytes == 16384);
  CHECK(low.shared_memory == have.shared_memory);
}

TEST_CASE("lowering never raises a limit") {
  DeviceProfile profile;
  take(lower(profile, " max_push_bytes=4096, storage_alignment=16 ,,timeline"));
  CHECK(profile.max_push_bytes == 128);
  CHECK(profile.storage_alignment == 256);
  CHECK_FALSE(lower(profile, "storage_alignment=100").ok());
  CHECK_FALSE(lower(profile, "float16=1").ok());
  CHECK_FALSE(lower(profile, "max_push_bytes=-1").ok());
}

TEST_CASE("two devices work side by side") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Device first = take(open_device(device_options()));
  Device second = take(open_device(with_hidden("timeline")));
  const Kernel fill_1 = fill_kernel(first), fill_2 = fill_kernel(second);
  const Buffer a = floats(first, MemoryUse::readback, 64), b = floats(second, MemoryUse::readback, 64);
  auto record = [](Device& device, const Kernel& kernel, const Buffer& buffer, float value) {
    auto recorder = take(Recorder::begin(device, "fill"));
    record_fill(recorder, kernel, {&buffer, 0, buffer.size()}, value);
    recorder.host_barrier();
    return take(recorder.end());
  };
  const CommandBuffer one = record(first, fill_1, a, 1.0f), two = record(second, fill_2, b, 2.0f);
  const Ticket ticket = submit(first, one);
  run(second, two);
  take(first.wait(ticket));
  CHECK(all_are(read(a), 1.0f));
  CHECK(all_are(read(b), 2.0f));
  CHECK(first.submissions() == 1);
}

#ifndef _WIN32
TEST_CASE("a system without a driver gets a sentence") {
  const char* names[] = {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"};
  std::string before[2];
  for (int i = 0; i < 2; ++i) {
    if (const char* value = std::getenv(names[i])) before[i] = value;
    setenv(names[i], "/nonexistent/driver.json", 1);
  }
  Options options = device_options();
  options.validation = false;
  const auto list = Device::list(options);
  const auto device = open_device(options);
  for (int i = 0; i < 2; ++i) before[i].empty() ? unsetenv(names[i]) : setenv(names[i], before[i].c_str(), 1);
  REQUIRE_FALSE(list.ok());
  REQUIRE_FALSE(device.ok());
  CHECK(list.error().code == ErrorCode::not_found);
  CHECK(device.error().code == ErrorCode::not_found);
  CHECK(contains(device.error().message, "[device] No Vulkan"));
  CHECK(contains(device.error().message, "Install"));
}
#endif
