// Plan: a graph bound to a device: choices made, memory placed, commands recorded once and submitted again and again.
// It owns command buffers and nothing else: weights belong to the model, states and the scratch arena to the session.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/device/recorder.h"
#include "runtime/graph/graph.h"
#include "runtime/plan/draft.h"

namespace lorikeet {

// Where an input, weight or state lies: one slice a page (one for everything but large matrices).
using StorageOf = std::function<Result<std::vector<Slice>>(const GraphTensor&)>;

struct PlanRequest {
  std::string name;  // "decode 1"
  StorageOf storage;
  Slice scratch;            // at least the draft's scratch_bytes
  Progress progress;        // of kernel compilation; may be empty
  bool timestamps = false;  // one a dispatch, for profiles
};

// Totals over all dispatches of one run.
struct PlanCounts {
  size_t dispatches = 0, barriers = 0, command_buffers = 0;
  uint64_t bytes = 0;         // bound by dispatches, each once
  uint64_t weight_bytes = 0;  // of these: weights
  double flops = 0;
  double tolerance = 0;  // the largest of the choices taken: normalised mean squared error of an op
};

class Plan {
 public:
  static Result<Plan> create(Device& device, KernelLibrary& kernels, const Graph& graph, Draft draft,
                             const PlanRequest& request);

  // Runs once. The first runs measure each command buffer where the device has a time budget; later ones group them.
  Result<Ticket> submit();
  // Slice of a kept result in the scratch arena.
  const std::string& name() const { return name_; }
  Result<Slice> output(std::string_view name) const;
  const PlanCounts& counts() const { return counts_; }
  const Draft& draft() const { return *draft_; }
  // Milliseconds of each dispatch of the last run, in the draft's order; empty without timestamps.
  std::vector<double> timings() const;
  // One line a dispatch: level, node, choice, kernel, shapes, grid, bytes, barrier.
  std::string print() const;

 private:
  Status record(KernelLibrary& kernels, const PlanRequest& request);
  Result<Slice> slice(const Access& access) const;

  Device* device_ = nullptr;
  std::string name_;
  std::unique_ptr<Draft> draft_;
  std::vector<std::string> lines_;  // print()
  std::vector<std::pair<std::string, Access>> kept_;
  std::vector<std::vector<Slice>> storages_;  // by resource: empty for scratch
  Slice scratch_;
  std::vector<CommandBuffer> commands_;
  std::vector<const CommandBuffer*> group_;  // of the next submission
  std::vector<double> measured_ms_;          // by command buffer; < 0: not yet
  PlanCounts counts_;
};

}  // namespace lorikeet
