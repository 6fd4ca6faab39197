// Memory: kinds, accounting, spilling of weights, refusals.
#include "tests/device/support.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

constexpr uint64_t kMiB = 1u << 20;

Options with_hidden(const std::string& more) {
  Options options = device_options();
  options.hide += (options.hide.empty() ? "" : ",") + more;
  return options;
}

}  // namespace

TEST_CASE("buffers are mapped as their use says and counted") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const uint64_t before = device->memory_used();
  {
    const MemoryUse uses[] = {MemoryUse::device, MemoryUse::weights, MemoryUse::upload, MemoryUse::readback};
    std::vector<Buffer> buffers;
    for (const MemoryUse use : uses) buffers.push_back(take(device->create_buffer({1001, use, "a buffer"})));
    for (const Buffer& buffer : buffers) {
      CHECK(buffer.size() == 1001);
      CHECK(buffer.name() == "a buffer");
      CHECK_FALSE(buffer.spilled());
      CHECK((buffer.mapped().empty() || buffer.mapped().size() == 1001));
    }
    const bool shared = device->profile().shared_memory;
    CHECK(buffers[0].mapped().empty() != shared);
    CHECK(buffers[1].mapped().empty() != shared);
    CHECK_FALSE(buffers[2].mapped().empty());
    CHECK_FALSE(buffers[3].mapped().empty());
    CHECK(device->memory_used() >= before + 4 * 1001);
    Buffer moved = std::move(buffers[3]);
    moved = std::move(buffers[2]);
    CHECK(moved.size() == 1001);
  }
  CHECK(device->memory_used() == before);
}

TEST_CASE("sizes that make no sense are refused") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  CHECK(device->create_buffer({0, MemoryUse::device, "empty"}).error().code == ErrorCode::invalid_argument);
  for (const uint64_t size : {device->profile().max_allocation + 1, ~uint64_t(0), ~uint64_t(0) - 3}) {
    const auto huge = device->create_buffer({size, MemoryUse::weights, "huge"});
    REQUIRE_FALSE(huge.ok());
    CHECK(huge.error().code == ErrorCode::out_of_memory);
    CHECK(huge.error().message.find("[buffer huge] " + std::to_string(size) + " bytes were wanted") == 0);
  }
}

TEST_CASE("weights beyond the budget spill to the host, announced once") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Device device = take(open_device(with_hidden("memory_bytes=16777216")));
  CHECK(device.memory_available() <= 16 * kMiB);
  const size_t lines = log_lines().size();
  const Buffer inside = take(device.create_buffer({8 * kMiB, MemoryUse::weights, "layers 0-7"}));
  CHECK_FALSE(inside.spilled());
  const Buffer spilled = take(device.create_buffer({8 * kMiB, MemoryUse::weights, "layers 8-15"}));
  CHECK(spilled.spilled());
  CHECK_FALSE(spilled.mapped().empty());
  const Buffer more = take(device.create_buffer({8 * kMiB, MemoryUse::weights, "layers 16-23"}));
  CHECK(more.spilled());
  const auto all = log_lines();
  REQUIRE(all.size() == lines + 1);
  CHECK(all.back().find("weights from layers 8-15 on lie in the host's memory") != std::string::npos);
  // What is left is for state and scratch; they do not spill.
  const Buffer state = take(device.create_buffer({4 * kMiB, MemoryUse::device, "state"}));
  const auto too_much = device.create_buffer({8 * kMiB, MemoryUse::device, "scratch"});
  REQUIRE_FALSE(too_much.ok());
  CHECK(too_much.error().code == ErrorCode::out_of_memory);
  CHECK(device.memory_used() >= 28 * kMiB);
}

TEST_CASE("a spilled buffer computes like any other") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Device device = take(open_device(with_hidden("memory_bytes=1024")));
  const Kernel fill = fill_kernel(device);
  const Buffer weights = floats(device, MemoryUse::weights, 1000);
  REQUIRE(weights.spilled());
  auto recorder = take(Recorder::begin(device, "fill"));
  record_fill(recorder, fill, {&weights, 0, weights.size()}, 3.0f);
  recorder.host_barrier();
  run(device, take(recorder.end()));
  CHECK(all_are(read(weights), 3.0f));
}

TEST_CASE("device memory without a mapping is reached through copies") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Device device = take(open_device(with_hidden("shared_memory")));
  const Kernel fill = fill_kernel(device);
  const Buffer middle = floats(device, MemoryUse::device, 256), down = floats(device, MemoryUse::readback, 256);
  const Buffer up = floats(device, MemoryUse::upload, 128);
  std::vector<float> numbers(128, 7.0f);
  std::memcpy(up.mapped().data(), numbers.data(), up.size());
  auto recorder = take(Recorder::begin(device, "copies"));
  take(recorder.fill({&middle, 0, middle.size()}, 0));
  recorder.barrier();
  take(recorder.copy({&up, 0, up.size()}, {&middle, 0, up.size()}));
  record_fill(recorder, fill, {&middle, 512, 512}, 2.0f);
  recorder.barrier();
  take(recorder.copy({&middle, 0, middle.size()}, {&down, 0, down.size()}));
  recorder.host_barrier();
  run(device, take(recorder.end()));
  const auto values = read(down);
  CHECK(std::count(values.begin(), values.begin() + 128, 7.0f) == 128);
  CHECK(std::count(values.begin() + 128, values.end(), 2.0f) == 128);
}

TEST_CASE("an allocation that is made to fail fails once") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Options options = device_options();
  options.fault = "allocate:2";
  Device device = take(open_device(options));
  CHECK(device.create_buffer({16, MemoryUse::device, "first"}).ok());
  const auto second = device.create_buffer({16, MemoryUse::device, "second"});
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == ErrorCode::out_of_memory);
  CHECK_FALSE(device.lost());
  CHECK(device.create_buffer({16, MemoryUse::device, "third"}).ok());
}
