// The validation gate itself: a hazard that is there must be reported. (The layer says nothing of two shaders that
// write the same range without a barrier: it cannot know which parts they write.)
#include "tests/device/support.h"

using namespace lorikeet;
using namespace lorikeet::test;

TEST_CASE("synchronisation validation finds a missing barrier") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  if (!Device::validation_available()) LK_SKIP(no_capability, "the validation layer");
  Options options = device_options();
  options.validation = true;
  std::vector<std::string> lines;
  Device device = take(Device::open({options, [&](const std::string& line) { lines.push_back(line); }}));
  const Kernel fill = fill_kernel(device);
  const Buffer y = floats(device, MemoryUse::device, 64), z = floats(device, MemoryUse::readback, 64);
  const auto record = [&](bool with_barrier) {
    auto recorder = take(Recorder::begin(device, "write, then read"));
    record_fill(recorder, fill, {&y, 0, y.size()}, 1.0f);
    if (with_barrier) recorder.barrier();
    take(recorder.copy({&y, 0, y.size()}, {&z, 0, z.size()}));
    take(recorder.end());
  };
  record(true);
  CHECK(device.validation_messages().empty());
  record(false);
  const auto messages = device.validation_messages();
  REQUIRE_FALSE(messages.empty());
  CHECK(messages[0].find("READ_AFTER_WRITE") != std::string::npos);
  CHECK(messages[0].find("numbers") != std::string::npos);  // the buffer's name
  CHECK(lines.size() == messages.size());
  CHECK(lines[0].starts_with("[validation] "));
}
