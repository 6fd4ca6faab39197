// Runs a small graph on the test device with data given by tensor name; for tests of ops.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/graph/graph.h"

namespace lorikeet::test {

// Values by tensor name. Matrix weights are given as the bytes of a file of their type (row-major blocks; the run packs
// them with the `pack` kernel); everything else as f32, or as raw 32-bit words for u32, or f16 bits in `bytes`.
struct Data {
  std::map<std::string, std::vector<float>> floats;
  std::map<std::string, std::vector<uint32_t>> words;
  std::map<std::string, std::vector<std::byte>> bytes;
};

struct RunOptions {
  std::string choice;   // take this choice for every node that has it; "" = what the plan would take
  bool fuse = false;
};

struct RunOutcome {
  std::map<std::string, std::vector<float>> floats;     // kept results and states of f32
  std::map<std::string, std::vector<uint32_t>> words;   // kept results and states of other types, as words
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
