#include "runtime/plan/upload.h"

#include <algorithm>
#include <cstring>

namespace lorikeet {

Result<Uploader> Uploader::create(Device& device, uint64_t slot_bytes, uint32_t slots) {
  Uploader uploader;
  uploader.device_ = &device;
  uploader.slot_bytes_ = (slot_bytes + 255) / 256 * 256;
  LK_ASSIGN(Buffer staging, device.create_buffer({uploader.slot_bytes_ * slots, MemoryUse::upload, "upload ring"}));
  uploader.staging_ = std::make_unique<Buffer>(std::move(staging));
  uploader.slots_.resize(slots);
  return uploader;
}

Result<Uploader::Slot> Uploader::acquire() {
  const uint32_t number = next_;
  next_ = (next_ + 1) % uint32_t(slots_.size());
  InFlight& entry = slots_[number];
  if (entry.commands) {
    LK_TRY(device_->wait(entry.ticket));
    entry.commands.reset();
  }
  const uint64_t offset = number * slot_bytes_;
  return Slot{number, {staging_.get(), offset, slot_bytes_}, staging_->mapped().subspan(offset, slot_bytes_)};
}

Status Uploader::send(const Slot& slot, CommandBuffer commands) {
  InFlight& entry = slots_[slot.number];
  entry.commands = std::move(commands);
  const CommandBuffer* const list[] = {&*entry.commands};
  LK_ASSIGN(entry.ticket, device_->submit(list));
  return Done{};
}

Status Uploader::write(const Slice& target, std::span<const std::byte> bytes) {
  for (uint64_t done = 0; done < bytes.size();) {
    LK_ASSIGN(const Slot slot, acquire());
    const uint64_t piece = std::min<uint64_t>(slot_bytes_, bytes.size() - done);
    std::memcpy(slot.bytes.data(), bytes.data() + done, piece);
    LK_ASSIGN(Recorder recorder, Recorder::begin(*device_, "upload"));
    recorder.barrier();
    LK_TRY(recorder.copy({slot.slice.buffer, slot.slice.offset, piece}, {target.buffer, target.offset + done, piece}));
    LK_ASSIGN(CommandBuffer commands, recorder.end());
    LK_TRY(send(slot, std::move(commands)));
    done += piece;
  }
  return Done{};
}

Status Uploader::finish() {
  for (InFlight& entry : slots_) {
    if (!entry.commands) continue;
    LK_TRY(device_->wait(entry.ticket));
    entry.commands.reset();
  }
  return Done{};
}

Status copy_slices(Device& device, std::span<const SliceCopy> copies) {
  LK_ASSIGN(Recorder recorder, Recorder::begin(device, "copy"));
  recorder.barrier();
  for (const SliceCopy& copy : copies) LK_TRY(recorder.copy(copy.from, copy.to));
  LK_ASSIGN(const CommandBuffer commands, recorder.end());
  const CommandBuffer* const list[] = {&commands};
  LK_ASSIGN(const Ticket ticket, device.submit(list));
  return device.wait(ticket);
}

Result<std::vector<std::byte>> download(Device& device, const Slice& slice) {
  LK_ASSIGN(const Buffer target, device.create_buffer({(slice.size + 3) / 4 * 4, MemoryUse::readback, "download"}));
  LK_ASSIGN(Recorder recorder, Recorder::begin(device, "download"));
  recorder.barrier();
  LK_TRY(recorder.copy(slice, {&target, 0, slice.size}));
  recorder.host_barrier();
  LK_ASSIGN(const CommandBuffer commands, recorder.end());
  const CommandBuffer* const list[] = {&commands};
  LK_ASSIGN(const Ticket ticket, device.submit(list));
  LK_TRY(device.wait(ticket));
  const auto mapped = target.mapped().first(slice.size);
  return std::vector<std::byte>(mapped.begin(), mapped.end());
}

}  // namespace lorikeet
