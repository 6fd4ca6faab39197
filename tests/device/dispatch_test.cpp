// What a command buffer does: dispatches, copies, fills, indirect dispatches, timestamps.
#include "tests/device/support.h"

using namespace lorikeet;
using namespace lorikeet::test;

TEST_CASE("a kernel writes a buffer that the host reads") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const Kernel fill = fill_kernel(*device);
  const Buffer y = floats(*device, MemoryUse::readback, 100);
  std::memset(y.mapped().data(), 0, y.size());
  const Slice slice{&y, 0, y.size()};
  auto recorder = take(Recorder::begin(*device, "fill"));
  take(recorder.dispatch(fill, std::span(&slice, 1), bytes_of(shader::FillParams{90, 1.5f}), {2, 1, 1}));
  recorder.host_barrier();
  run(*device, take(recorder.end()));
  const auto values = read(y);
  CHECK(std::count(values.begin(), values.begin() + 90, 1.5f) == 90);
  CHECK(std::count(values.begin() + 90, values.end(), 0.0f) == 10);
}
