// Runs a small graph on the test device with data given by tensor name; for tests of ops.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/graph/graph.h"
#include "runtime/plan/rig.h"

namespace lorikeet::test {

using Data = RigData;
using RunOutcome = RigOutcome;

struct RunOptions {
  std::string choice;  // take this choice for every node that has it; "" = what the plan would take
  bool fuse = false;
};

Result<RunOutcome> run_graph(Device& device, Graph& graph, const Data& data, const RunOptions& options = {});

// Names of the choices that the device has for the last node of the graph, the reference last.
std::vector<std::string> choices_of_last_node(Device& device, const Graph& graph);

double nmse(const std::vector<float>& got, const std::vector<float>& expected);  // sum (a-b)^2 / sum b^2
std::vector<float> random_floats(size_t count, uint64_t seed, float low = -1, float high = 1);

// A control table for `rows` rows: row i belongs to slot slots[i] at positions[i] with tokens[i]; every row is wanted;
// the cache table is the identity times slots (block b of slot s is s * blocks_per_slot + b).
struct ControlTable {
  std::vector<uint32_t> slots, positions, tokens;
  uint32_t slot_count = 1;
  uint32_t blocks_per_slot = 4;
  std::vector<uint32_t> words() const;
};

}  // namespace lorikeet::test
