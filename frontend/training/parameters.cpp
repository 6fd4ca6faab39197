#include "frontend/training/parameters.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/text.h"
#include "runtime/plan/upload.h"

namespace lorikeet {
namespace {

constexpr uint64_t kAlignment = 256;
constexpr uint64_t kPiece = 4 << 20;  // bytes of an upload

uint64_t aligned(const Parameter& parameter) {
  return (uint64_t(parameter.shape.elements()) * 4 + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

uint64_t ParameterMemory::bytes(std::span<const Parameter> parameters) {
  uint64_t sum = 0;
  for (const Parameter& parameter : parameters) sum += aligned(parameter) * std::size(kParameterParts);
  return sum;
}

Result<ParameterMemory> ParameterMemory::create(Device& device, std::span<const Parameter> parameters) {
  ParameterMemory memory;
  LK_ASSIGN(Buffer buffer,
            device.create_buffer({std::max<uint64_t>(bytes(parameters), kAlignment), MemoryUse::device, "parameters"}));
  memory.buffer_ = std::make_unique<Buffer>(std::move(buffer));
  uint64_t offset = 0;
  for (const Parameter& parameter : parameters) {
    for (const char* part : kParameterParts) {
      memory.places_[parameter.name + part] = {offset, uint64_t(parameter.shape.elements()) * 4};
      offset += aligned(parameter);
    }
  }
  for (const Parameter& parameter : parameters) {
    const std::vector<float> zeros(parameter.values.size());
    for (const char* part : kParameterParts)
      LK_TRY(memory.write(device, parameter.name + part, *part ? zeros : parameter.values));
  }
  return memory;
}

std::vector<Slice> ParameterMemory::storage(const std::string& state) const {
  const auto found = places_.find(state);
  if (found == places_.end()) return {};
  return {{buffer_.get(), found->second.first, found->second.second}};
}

Result<std::vector<float>> ParameterMemory::read(Device& device, const std::string& state) const {
  const std::vector<Slice> slices = storage(state);
  if (slices.empty()) return Error{ErrorCode::internal, join("[parameters] there is no state ", state, "."), {}};
  LK_ASSIGN(const auto bytes, download(device, slices.front()));
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

Status ParameterMemory::write(Device& device, const std::string& state, std::span<const float> values) const {
  const std::vector<Slice> slices = storage(state);
  if (slices.empty() || slices.front().size != values.size_bytes())
    return invalid(
        join(state, " has ", slices.empty() ? 0 : slices.front().size / 4, " values, ", values.size(), " were given."));
  LK_ASSIGN(Uploader uploader, Uploader::create(device, std::min<uint64_t>(kPiece, values.size_bytes()), 2));
  const auto bytes = std::as_bytes(values);
  for (uint64_t done = 0; done < bytes.size(); done += kPiece) {
    const uint64_t count = std::min<uint64_t>(kPiece, bytes.size() - done);
    LK_TRY(uploader.write({slices.front().buffer, slices.front().offset + done, count}, bytes.subspan(done, count)));
  }
  return uploader.finish();
}

}  // namespace lorikeet
