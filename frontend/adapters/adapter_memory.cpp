#include "frontend/adapters/adapter_memory.h"

#include <functional>

#include "runtime/base/text.h"
#include "runtime/plan/upload.h"

namespace lorikeet {
namespace {

constexpr uint64_t kAlignment = 256;

void for_each(const AdapterTensors& tensors,
              const std::function<void(const char* part, size_t index, const std::vector<float>&)>& use) {
  for (size_t i = 0; i < tensors.routers.size(); ++i) use("router", i, tensors.routers[i].weight);
  for (size_t i = 0; i < tensors.linears.size(); ++i) {
    use("a", i, tensors.linears[i].a);
    use("b", i, tensors.linears[i].b);
  }
}

uint64_t aligned(size_t floats) { return (floats * 4 + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

uint64_t AdapterMemory::bytes(const AdapterTensors& tensors) {
  uint64_t sum = 0;
  for_each(tensors, [&](const char*, size_t, const std::vector<float>& values) { sum += aligned(values.size()); });
  return sum;
}

Result<AdapterMemory> AdapterMemory::create(Device& device, const AdapterTensors& tensors, const std::string& name) {
  AdapterMemory memory;
  LK_ASSIGN(Buffer buffer,
            device.create_buffer({std::max<uint64_t>(bytes(tensors), kAlignment), MemoryUse::device, name}));
  memory.buffer_ = std::make_unique<Buffer>(std::move(buffer));
  uint64_t largest = 4;
  for_each(tensors,
           [&](const char*, size_t, const auto& values) { largest = std::max(largest, aligned(values.size())); });
  LK_ASSIGN(Uploader uploader, Uploader::create(device, largest, 2));
  Status status = Done{};
  uint64_t offset = 0;
  for_each(tensors, [&](const char* part, size_t index, const std::vector<float>& values) {
    const uint64_t size = values.size() * 4;
    memory.places_[join(name, ".", part, ".", index)] = {offset, size};
    if (status) status = uploader.write({memory.buffer_.get(), offset, size}, std::as_bytes(std::span(values)));
    offset += aligned(values.size());
  });
  LK_TRY(status);
  LK_TRY(uploader.finish());
  return memory;
}

std::vector<Slice> AdapterMemory::storage(const std::string& state) const {
  const auto found = places_.find(state);
  if (found == places_.end()) return {};
  return {{buffer_.get(), found->second.offset, found->second.size}};
}

}  // namespace lorikeet
