#include "tests/support/run_graph.h"

#include <cmath>
#include <cstring>
#include <random>

#include "runtime/graph/fuse.h"
#include "shaders/control.h"
#include "tests/support/device.h"

namespace lorikeet::test {

Result<RunOutcome> run_graph(Device& device, Graph& graph, const Data& data, const RunOptions& options) {
  if (options.fuse) fuse(graph, device.profile());
  KernelLibrary own;
  KernelLibrary& kernels = &device == test_device() ? test_kernels() : own;
  LK_ASSIGN(Rig rig, Rig::create(device, kernels, graph, data, {.choice = options.choice}));
  LK_TRY(rig.run());
  return rig.read();
}

std::vector<std::string> choices_of_last_node(Device& device, const Graph& graph) {
  Choices choices;
  const Node& node = graph.nodes().back();
  node.op->lower(graph, node, device.profile(), choices);
  std::vector<std::string> names;
  for (const Choice& choice : choices) names.push_back(choice.name);
  return names;
}

double nmse(const std::vector<float>& got, const std::vector<float>& expected) {
  if (got.size() != expected.size()) return INFINITY;
  double difference = 0, energy = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    difference += (double(got[i]) - expected[i]) * (double(got[i]) - expected[i]);
    energy += double(expected[i]) * expected[i];
  }
  return energy > 0 ? difference / energy : difference;
}

std::vector<float> random_floats(size_t count, uint64_t seed, float low, float high) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

std::vector<uint32_t> ControlTable::words() const {
  const uint32_t rows = uint32_t(slots.size());
  shader::Step step{};
  step.rows = rows;
  step.wanted = rows;
  step.slots = slot_count;
  step.rows_at = shader::kStepWords;
  step.wanted_at = step.rows_at + rows * shader::kRowWords;
  step.slots_at = step.wanted_at + rows;
  step.blocks_at = step.slots_at + slot_count * shader::kSlotWords;
  step.blocks_per_slot = blocks_per_slot;
  std::vector<uint32_t> words(step.blocks_at + slot_count * blocks_per_slot, 0);
  std::memcpy(words.data(), &step, sizeof step);
  for (uint32_t i = 0; i < rows; ++i) {
    const shader::Row row{slots[i], i < positions.size() ? positions[i] : 0, i < tokens.size() ? tokens[i] : 0, 0};
    std::memcpy(words.data() + step.rows_at + i * shader::kRowWords, &row, sizeof row);
    words[step.wanted_at + i] = i;
  }
  for (uint32_t i = 0; i < slot_count * blocks_per_slot; ++i) words[step.blocks_at + i] = i;
  return words;
}

}  // namespace lorikeet::test
