// Submissions and tickets of a Device: gathers command buffers, injects faults, turns results into errors.
#include <volk.h>

#include "runtime/base/text.h"
#include "runtime/device/impl.h"

namespace lorikeet {

Result<Ticket> Device::submit(std::span<const CommandBuffer* const> commands) {
  const std::span<const CommandBuffer* const> batches[] = {commands};
  return submit_each(batches);
}

Result<Ticket> Device::submit_each(std::span<const std::span<const CommandBuffer* const>> batches) {
  Impl& d = *impl_;
  const std::lock_guard lock(d.submit_lock);
  if (d.lost) return d.lost_error();
  if (batches.empty()) return invalid("[device] A submission needs at least one batch of command buffers.");
  if (d.submitted + 1 == d.fault.at_submission) {
    d.submissions.wait_idle();  // what runs ends first: its memory may be freed as soon as the loss is known
    d.fault.at_submission = 0;
    d.lost = true;
    return Error{ErrorCode::device_lost,
                 join("[device] ", d.facts.profile.name, " was lost at submission ", d.submitted + 1,
                      " (injected by LORIKEET_FAULT)."),
                 {}};
  }
  d.gathered.clear();
  d.batches.clear();
  for (const auto& batch : batches)
    for (const CommandBuffer* commands : batch) {
      d.gathered.push_back(commands->impl().commands);
      commands->impl().ran = true;
    }
  size_t first = 0;
  for (const auto& batch : batches) {
    d.batches.push_back({d.gathered.data() + first, uint32_t(batch.size())});
    first += batch.size();
  }
  uint64_t ticket = 0;
  const VkResult result = d.submissions.submit(d.batches, &ticket);
  if (result != VK_SUCCESS) return d.failed("[device] vkQueueSubmit", result);
  ++d.submitted;
  return Ticket{ticket};
}

Result<bool> Device::wait_for(Ticket ticket, uint64_t timeout_ns) {
  if (impl_->lost) return impl_->lost_error();
  if (ticket.value > impl_->submissions.last()) {
    return invalid(join("[device] Ticket ", ticket.value, " was never handed out; the last one is ",
                        impl_->submissions.last(), "."));
  }
  const VkResult result = impl_->submissions.wait(ticket.value, timeout_ns);
  if (result == VK_TIMEOUT) return false;
  if (result != VK_SUCCESS) return impl_->failed("[device] Waiting for a submission", result);
  return true;
}

Status Device::wait(Ticket ticket, uint64_t timeout_ns) {
  LK_ASSIGN(const bool over, wait_for(ticket, timeout_ns));
  if (over) return Done{};
  impl_->abandoned = true;
  impl_->lost = true;
  return Error{ErrorCode::device_lost,
               join("[device] ", impl_->facts.profile.name, " did not finish a submission within ",
                    double(timeout_ns) * 1e-9, " seconds and is given up."),
               {}};
}

bool Device::done(Ticket ticket) {
  if (impl_->lost || ticket.value > impl_->submissions.last()) return false;
  const VkResult result = impl_->submissions.poll(ticket.value);
  if (result == VK_ERROR_DEVICE_LOST) impl_->lost = true;
  return result == VK_SUCCESS;
}

}  // namespace lorikeet
