#include <algorithm>
#include <map>

#include "runtime/plan/draft.h"

namespace lorikeet {
namespace {

struct Use {
  uint64_t begin, end;
  int32_t level;
  bool writes;
};

}  // namespace

int32_t assign_levels(std::vector<PlannedDispatch>& dispatches, size_t resource_count) {
  std::vector<std::vector<Use>> uses(resource_count);
  std::map<int32_t, int32_t> level_of_node;  // of its last dispatch
  int32_t levels = 0;
  for (PlannedDispatch& item : dispatches) {
    int32_t level = 0;
    if (const auto found = level_of_node.find(item.after); found != level_of_node.end()) level = found->second + 1;
    for (const Access& access : item.accesses) {
      for (const Use& use : uses[size_t(access.resource)]) {
        const bool overlap = access.offset < use.end && use.begin < access.offset + access.size;
        if (overlap && (access.writes || use.writes)) level = std::max(level, use.level + 1);
      }
    }
    item.level = level;
    if (item.node >= 0) level_of_node[item.node] = std::max(level, level_of_node[item.node]);
    levels = std::max(levels, level + 1);
    for (const Access& access : item.accesses) {
      auto& list = uses[size_t(access.resource)];
      const Use use{access.offset, access.offset + access.size, level, access.writes};
      // A write hides all earlier uses inside its range: whoever conflicts with those conflicts with it, later.
      if (use.writes) std::erase_if(list, [&](const Use& old) { return old.begin >= use.begin && old.end <= use.end; });
      list.push_back(use);
    }
  }
  std::stable_sort(dispatches.begin(), dispatches.end(),
                   [](const PlannedDispatch& a, const PlannedDispatch& b) { return a.level < b.level; });
  return levels;
}

}  // namespace lorikeet
