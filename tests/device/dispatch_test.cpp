// What a command buffer does: dispatches, copies, fills, indirect dispatches, timestamps, and what it refuses.
#include <chrono>

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

TEST_CASE("a grid that the device computed is obeyed") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const Kernel fill = fill_kernel(*device);
  const Buffer grid = floats(*device, MemoryUse::device, 64), y = floats(*device, MemoryUse::readback, 256);
  std::memset(y.mapped().data(), 0, y.size());
  // The float with the bits of 1 fills the grid with {1, 1, 1}, of which the first is then set to 3.
  auto recorder = take(Recorder::begin(*device, "indirect"));
  record_fill(recorder, fill, {&grid, 0, grid.size()}, std::bit_cast<float>(1u));
  recorder.barrier();
  take(recorder.fill({&grid, 16, 4}, 3));
  recorder.barrier();
  const Slice slice{&y, 0, y.size()};
  take(
      recorder.dispatch_indirect(fill, std::span(&slice, 1), bytes_of(shader::FillParams{256, 4.0f}), {&grid, 16, 12}));
  recorder.host_barrier();
  run(*device, take(recorder.end()));
  const auto values = read(y);
  CHECK(std::count(values.begin(), values.begin() + 192, 4.0f) == 192);
  CHECK(std::count(values.begin() + 192, values.end(), 0.0f) == 64);
}

TEST_CASE("recorded commands are replayed, also while they are in flight") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const Kernel fill = fill_kernel(*device);
  const Buffer a = floats(*device, MemoryUse::device, 64), b = floats(*device, MemoryUse::readback, 64);
  auto recorder = take(Recorder::begin(*device, "replay"));
  recorder.barrier();
  record_fill(recorder, fill, {&a, 0, a.size()}, 9.0f);
  recorder.barrier();
  take(recorder.copy({&a, 0, a.size()}, {&b, 0, b.size()}));
  recorder.host_barrier();
  const CommandBuffer commands = take(recorder.end());
  const CommandBuffer* list[] = {&commands, &commands, &commands};
  Ticket last;
  for (int i = 0; i < 5; ++i) last = take(device->submit(list));
  take(device->wait(last));
  CHECK(all_are(read(b), 9.0f));
}

TEST_CASE("wrong bindings, params and grids are refused with sentences") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const Kernel fill = fill_kernel(*device);
  const Buffer y = floats(*device, MemoryUse::device, 1024);
  auto recorder = take(Recorder::begin(*device, "wrong"));
  const shader::FillParams params{4, 0};
  const auto refused = [&](std::vector<Slice> slices, std::span<const std::byte> given, GridSize grid,
                           const std::string& part) {
    const Status status = recorder.dispatch(fill, slices, given, grid);
    REQUIRE_FALSE(status.ok());
    INFO(status.error().message);
    CHECK(status.error().code == ErrorCode::invalid_argument);
    CHECK(status.error().message.starts_with("[fill] "));
    CHECK(status.error().message.find(part) != std::string::npos);
  };
  const Slice good{&y, 0, 4096};
  refused({}, bytes_of(params), {}, "The kernel has 1 bindings, 0 were given.");
  refused({good, good}, bytes_of(params), {}, "The kernel has 1 bindings, 2 were given.");
  refused({good}, bytes_of(params).first(4), {}, "The params have 8 bytes, 4 were given.");
  refused({Slice{}}, bytes_of(params), {}, "was given no buffer.");
  refused({{&y, 0, 0}}, bytes_of(params), {}, "was given 0 bytes of numbers.");
  refused({{&y, 4, 64}}, bytes_of(params), {}, "was given offset 4 in numbers, which is no multiple of");
  refused({{&y, 4096, 4}}, bytes_of(params), {}, "which has 4096.");
  refused({{&y, ~uint64_t(0) - 255, 4096}}, bytes_of(params), {}, "which has 4096.");
  if (device->profile().max_workgroups_x < ~0u)
    refused({good}, bytes_of(params), {~0u, 1, 1}, "workgroups was given, the device allows");

  const Slice grids[] = {{}, {&y, 2, 12}, {&y, 0, 8}, {&y, 4092, 12}};
  for (const Slice& grid : grids)
    CHECK_FALSE(recorder.dispatch_indirect(fill, std::span(&good, 1), bytes_of(params), grid).ok());
  CHECK_FALSE(recorder.copy({&y, 0, 64}, {&y, 32, 64}).ok());
  CHECK_FALSE(recorder.copy({&y, 0, 64}, {&y, 128, 32}).ok());
  CHECK_FALSE(recorder.copy({&y, 0, 64}, {&y, 4090, 64}).ok());
  CHECK_FALSE(recorder.fill({&y, 2, 4}, 0).ok());
  CHECK_FALSE(recorder.fill({&y, 0, 6}, 0).ok());
  take(recorder.end());
}

TEST_CASE("timestamps give milliseconds between them") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  if (!device->profile().timestamps) LK_SKIP(no_capability, "timestamps");
  const Kernel fill = fill_kernel(*device);
  const Buffer y = floats(*device, MemoryUse::device, 1 << 18);
  auto recorder = take(Recorder::begin(*device, "timed", 3));
  recorder.timestamp();
  recorder.label("first");
  record_fill(recorder, fill, {&y, 0, y.size()}, 1.0f);
  recorder.barrier();
  recorder.timestamp();
  recorder.label("second");
  record_fill(recorder, fill, {&y, 0, y.size()}, 2.0f);
  recorder.timestamp();
  recorder.timestamp();  // beyond the room that was made: left out
  const CommandBuffer commands = take(recorder.end());
  CHECK(commands.timings().empty());  // it did not run yet
  run(*device, commands);
  const auto times = commands.timings();
  REQUIRE(times.size() == 2);
  CHECK(times[0] >= 0);
  CHECK(times[0] + times[1] > 0);
  CHECK(times[0] + times[1] < 10000);
}

TEST_CASE("hundreds of dispatches are recorded quickly") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Options options = device_options();
  options.validation = false;
  Device device = take(open_device(options));
  const Kernel fill = fill_kernel(device);
  const Buffer y = floats(device, MemoryUse::readback, 64);
  const auto begin = std::chrono::steady_clock::now();
  auto recorder = take(Recorder::begin(device, "many"));
  for (int i = 0; i < 1000; ++i) {
    record_fill(recorder, fill, {&y, 0, y.size()}, float(i));
    recorder.barrier();
  }
  recorder.host_barrier();
  const CommandBuffer commands = take(recorder.end());
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  WARN("1000 dispatches recorded in " << ms << " ms");
  CHECK(ms < 500);
  run(device, commands);
  CHECK(all_are(read(y), 999.0f));
}
