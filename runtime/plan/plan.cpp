#include "runtime/plan/plan.h"

#include <chrono>
#include <sstream>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// A command buffer ends after this much estimated work, so that a device with a time budget can be given slices. A
// discrete device without one does this much in a moment.
double flops_per_command_buffer(const Device& device) {
  const bool fast = device.profile().kind == DeviceKind::discrete && device.options().slice_ms <= 0;
  return fast ? 1e12 : 4e9;
}

// True where a dispatch of the level that begins at `first` takes its grid from a buffer.
bool reads_grids(const std::vector<PlannedDispatch>& items, size_t first) {
  for (size_t i = first; i < items.size() && items[i].level == items[first].level; ++i)
    if (items[i].dispatch.indirect) return true;
  return false;
}

std::string describe(const Graph& graph, const PlannedDispatch& item, bool barrier) {
  std::ostringstream out;
  out << "L" << item.level << (barrier ? " | " : "   ");
  if (item.node >= 0) {
    const Node& node = graph.nodes()[size_t(item.node)];
    out << node.op->name << " " << node.label << " ";
    for (size_t i = 0; i < node.inputs.size() && i < 2; ++i)
      if (node.inputs[i]) out << name(node.inputs[i].dtype) << node.inputs[i].shape.text() << " ";
  } else {
    out << "form ";
  }
  uint64_t bytes = 0;
  for (const Access& access : item.accesses) bytes += access.size;
  out << "choice=" << item.choice << " kernel=" << item.dispatch.kernel;
  for (const auto& [id, value] : item.dispatch.constants) out << " c" << id << "=" << value;
  if (item.dispatch.indirect) out << " grid=indirect";
  else out << " grid=" << item.dispatch.groups.x << "x" << item.dispatch.groups.y << "x" << item.dispatch.groups.z;
  out << " bytes=" << (item.dispatch.bytes ? item.dispatch.bytes : bytes);
  return out.str();
}

}  // namespace

Result<Plan> Plan::create(Device& device, KernelLibrary& kernels, const Graph& graph, Draft draft,
                          const PlanRequest& request) {
  if (request.scratch.size < draft.scratch_bytes)
    return invalid(join("[plan] ", request.name, " needs ", draft.scratch_bytes, " bytes of scratch, ",
                        request.scratch.size, " were given."));
  Plan plan;
  plan.device_ = &device;
  plan.name_ = request.name;
  plan.draft_ = std::make_unique<Draft>(std::move(draft));
  plan.scratch_ = request.scratch;

  plan.storages_.resize(plan.draft_->resources.size());
  for (size_t i = 0; i < plan.draft_->resources.size(); ++i) {
    const Resource& resource = plan.draft_->resources[i];
    if (resource.scratch) continue;
    const GraphTensor& info = graph.tensors()[size_t(resource.tensor)];
    LK_ASSIGN(const std::vector<Slice> slices, request.storage(info));
    if (size_t(resource.page) >= slices.size() || slices[size_t(resource.page)].size < resource.bytes)
      return Error{
          ErrorCode::internal, join("[plan] the storage of ", info.name, " is smaller than the graph says."), {}};
    plan.storages_[i] = {slices[size_t(resource.page)]};
  }
  for (const GraphTensor& info : graph.tensors()) {
    if (!info.kept) continue;
    int32_t tensor = info.tensor.id;
    uint64_t offset = 0;
    for (; graph.tensors()[size_t(tensor)].alias_of >= 0; tensor = graph.tensors()[size_t(tensor)].alias_of)
      offset += uint64_t(graph.tensors()[size_t(tensor)].alias_offset);
    const int32_t resource = plan.draft_->resource_of_tensor[size_t(tensor)];
    if (resource >= 0)
      plan.kept_.push_back(
          {info.name, {resource, offset, row_bytes(info.tensor.dtype, uint64_t(info.tensor.shape.elements()))}});
  }

  std::vector<const Dispatch*> dispatches;
  int32_t level = -1;
  for (const PlannedDispatch& item : plan.draft_->dispatches) {
    dispatches.push_back(&item.dispatch);
    plan.lines_.push_back(describe(graph, item, item.level != level));
    level = item.level;
    uint64_t bytes = 0;
    for (const Access& access : item.accesses) {
      bytes += access.size;
      const Resource& resource = plan.draft_->resources[size_t(access.resource)];
      if (!resource.scratch && graph.tensors()[size_t(resource.tensor)].kind == TensorKind::weight &&
          !item.dispatch.bytes)
        plan.counts_.weight_bytes += access.size;
    }
    plan.counts_.bytes += item.dispatch.bytes ? item.dispatch.bytes : bytes;
    plan.counts_.flops += item.dispatch.flops;
  }
  plan.counts_.tolerance = plan.draft_->tolerance;
  LK_TRY(kernels.compile(device, dispatches, request.progress));
  LK_TRY(plan.record(kernels, request));
  return plan;
}

Result<Slice> Plan::slice(const Access& access) const {
  const Resource& resource = draft_->resources[size_t(access.resource)];
  Slice whole = resource.scratch ? Slice{scratch_.buffer, scratch_.offset + resource.offset, resource.bytes}
                                 : storages_[size_t(access.resource)].front();
  if (access.offset + access.size > whole.size)
    return Error{ErrorCode::internal, join("[plan] ", name_, " binds bytes past the end of a tensor."), {}};
  return Slice{whole.buffer, whole.offset + access.offset, access.size};
}

Status Plan::record(KernelLibrary& kernels, const PlanRequest& request) {
  const auto& items = draft_->dispatches;
  const double most_flops = flops_per_command_buffer(*device_);
  size_t next = 0;
  while (next < items.size()) {
    const std::string name = join(request.name, " #", commands_.size());
    LK_ASSIGN(Recorder recorder,
              Recorder::begin(*device_, name, request.timestamps ? uint32_t(items.size() - next + 1) : 0));
    recorder.timestamp();
    int32_t level = -1;
    double flops = 0;
    for (; next < items.size(); ++next) {
      const PlannedDispatch& item = items[next];
      if (item.level != level) {
        if (flops >= most_flops) break;
        // The first one orders this command buffer after everything submitted before.
        recorder.barrier(reads_grids(items, next));
        ++counts_.barriers;
        level = item.level;
      }
      const Kernel* kernel = kernels.find(item.dispatch);
      std::vector<Slice> slices;
      for (const Access& access : item.accesses) {
        LK_ASSIGN(const Slice bound, slice(access));
        slices.push_back(bound);
      }
      const GridSize groups{item.dispatch.groups.x, item.dispatch.groups.y, item.dispatch.groups.z};
      if (item.dispatch.indirect) {
        const Slice arguments = slices.back();
        slices.pop_back();
        LK_TRY(recorder.dispatch_indirect(*kernel, slices, item.dispatch.params, arguments));
      } else {
        LK_TRY(recorder.dispatch(*kernel, slices, item.dispatch.params, groups));
      }
      recorder.timestamp();
      flops += item.dispatch.flops;
      ++counts_.dispatches;
    }
    if (next == items.size()) recorder.host_barrier();  // after all of the plan, in whatever command buffers
    LK_ASSIGN(CommandBuffer commands, recorder.end());
    commands_.push_back(std::move(commands));
  }
  counts_.command_buffers = commands_.size();
  measured_ms_.assign(commands_.size(), -1);
  group_.reserve(commands_.size());
  return Done{};
}

Result<Ticket> Plan::submit() {
  const double slice = device_->options().slice_ms;
  Ticket ticket;
  double group_ms = 0;
  group_.clear();  // its memory stays: nothing is allocated a run
  for (size_t i = 0; i < commands_.size(); ++i) {
    group_.push_back(&commands_[i]);
    const bool measure = slice > 0 && measured_ms_[i] < 0;
    group_ms += measured_ms_[i] > 0 ? measured_ms_[i] : 0;
    const bool full = slice > 0 && (measure || i + 1 == commands_.size() || group_ms + measured_ms_[i + 1] > slice);
    if (!full && i + 1 < commands_.size()) continue;
    const auto start = std::chrono::steady_clock::now();
    LK_ASSIGN(ticket, device_->submit(group_));
    if (measure) {
      LK_TRY(device_->wait(ticket));
      measured_ms_[i] = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    }
    group_.clear();
    group_ms = 0;
  }
  return ticket;
}

Result<Slice> Plan::output(std::string_view name) const {
  for (const auto& [kept, access] : kept_)
    if (kept == name) return slice(access);
  return not_found(join("[plan] ", name_, " keeps no result named \"", name, "\"."));
}

std::vector<double> Plan::timings() const {
  std::vector<double> result;
  for (const CommandBuffer& commands : commands_)
    for (double ms : commands.timings()) result.push_back(ms);
  return result;
}

std::string Plan::print() const {
  std::string text;
  for (const std::string& line : lines_) text += line + "\n";
  return text;
}

}  // namespace lorikeet
