// Helpers of the device tests.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "runtime/device/recorder.h"
#include "shaders/embedded.h"
#include "shaders/fill.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"

namespace lorikeet::test {

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

template <class T>
T take(Result<T> result) {
  INFO((result.ok() ? std::string() : result.error().message));
  REQUIRE(result.ok());
  return std::move(result).value();
}

inline Kernel fill_kernel(Device& device) {
  const KernelRequest request{"fill", embedded_shader("fill"), {}, 0, false};
  auto kernels = take(device.create_kernels(std::span(&request, 1)));
  return std::move(kernels[0]);
}

inline Buffer floats(Device& device, MemoryUse use, uint32_t count) {
  return take(device.create_buffer({count * sizeof(float), use, "numbers"}));
}

inline void record_fill(Recorder& recorder, const Kernel& kernel, const Slice& slice, float value) {
  const uint32_t count = uint32_t(slice.size / sizeof(float));
  take(recorder.dispatch(kernel, std::span(&slice, 1), bytes_of(shader::FillParams{count, value}),
                         {(count + 63) / 64, 1, 1}));
}

inline Ticket submit(Device& device, const CommandBuffer& commands) {
  const CommandBuffer* list[] = {&commands};
  return take(device.submit(list));
}

inline void run(Device& device, const CommandBuffer& commands) { take(device.wait(submit(device, commands))); }

inline std::vector<float> read(const Buffer& buffer) {
  std::vector<float> values(buffer.size() / sizeof(float));
  std::memcpy(values.data(), buffer.mapped().data(), buffer.size());
  return values;
}

inline bool all_are(const std::vector<float>& values, float value) {
  return std::all_of(values.begin(), values.end(), [&](float v) { return v == value; });
}

}  // namespace lorikeet::test
