// Draft: a graph lowered for a device profile. Choices are made, dispatches stand in levels of independent work,
// scratch memory is placed by lifetimes counted in levels. Plain data: no device is needed, so that memory can be told
// before anything is allocated and hazards can be tested without a GPU.
#pragma once

#include <string>
#include <vector>

#include "runtime/graph/graph.h"
#include "runtime/plan/choices.h"
#include "runtime/plan/kernels.h"

namespace lorikeet {

// A memory region that dispatches use: a page of an input, weight or state that the caller provides, or scratch.
struct Resource {
  int32_t tensor = -1;  // graph tensor; -1: scratch of a choice, or a form
  int32_t page = 0;
  bool scratch = false;  // placed in the plan's arena
  uint64_t bytes = 0;
  uint64_t offset = 0;  // scratch: in the arena
  int32_t first_level = -1, last_level = -1;
};

struct Access {
  int32_t resource = -1;
  uint64_t offset = 0, size = 0;  // bytes within the resource
  bool reads = false, writes = false;
};

struct PlannedDispatch {
  Dispatch dispatch;
  int32_t node = -1;  // of the graph; -1: makes a form
  std::string choice;
  int32_t level = 0;
  int32_t after = -1;            // node whose dispatches must have ended
  std::vector<Access> accesses;  // one a binding; then the indirect arguments, if any
};

struct Draft {
  std::vector<Resource> resources;
  std::vector<PlannedDispatch> dispatches;  // sorted by level
  int32_t levels = 0;
  uint64_t scratch_bytes = 0;
  double tolerance = 0;                     // the largest of the choices taken
  std::vector<int32_t> resource_of_tensor;  // graph tensor (base of aliases) -> first resource; -1
};

struct DraftRequest {
  const DeviceProfile* profile = nullptr;
  const ChoiceTable* table = nullptr;  // null: heuristics only
  KernelLibrary* kernels = nullptr;
  bool reproducible = false;
  std::string forced_choice;  // tests and doctor: taken by every node that has it
};

Result<Draft> draft(const Graph& graph, const DraftRequest& request);

// Puts each dispatch one level after the latest earlier one that it conflicts with (write after read, read after write,
// write after write on overlapping ranges) or has to wait for, then sorts by level. Returns the number of levels.
int32_t assign_levels(std::vector<PlannedDispatch>& dispatches, size_t resource_count);

}  // namespace lorikeet
