#include "tests/support/run_graph.h"

#include <cstring>
#include <random>

#include "runtime/base/text.h"
#include "runtime/graph/fuse.h"
#include "runtime/graph/packing.h"
#include "runtime/plan/plan.h"
#include "runtime/plan/upload.h"
#include "runtime/plan/weight_loader.h"
#include "shaders/control.h"

namespace lorikeet::test {
namespace {

std::vector<std::byte> given_bytes(const Data& data, const std::string& name, bool* found) {
  const auto copy = [](const auto& values) {
    std::vector<std::byte> bytes(values.size() * sizeof(values[0]));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  };
  *found = true;
  if (const auto it = data.floats.find(name); it != data.floats.end()) return copy(it->second);
  if (const auto it = data.words.find(name); it != data.words.end()) return copy(it->second);
  if (const auto it = data.bytes.find(name); it != data.bytes.end()) return it->second;
  *found = false;
  return {};
}

// One buffer a storage, filled with the data of the tensors that lie in it.
class Storages {
 public:
  Storages(Device& device, KernelLibrary& kernels, const Data& data) : device_(device), kernels_(kernels), data_(data) {}

  Status add(const GraphTensor& info) {
    const bool matrix = info.kind == TensorKind::weight && info.tensor.shape.rank() > 1;
    const int64_t columns = info.tensor.shape.columns();
    const std::string key = info.storage.name.empty() ? info.name : info.storage.name;
    if (!buffers_.contains(key)) {
      uint64_t bytes = row_bytes(info.tensor.dtype, uint64_t(info.tensor.shape.elements()));
      if (info.kind == TensorKind::weight) bytes = row_bytes(info.tensor.dtype, uint64_t(info.storage.rows));
      if (matrix) bytes = packed_bytes(info.tensor.dtype, info.storage.rows, columns);
      bytes = (bytes + 255) / 256 * 256;
      LK_ASSIGN(Buffer buffer, device_.create_buffer({bytes, MemoryUse::device, key}));
      const auto it = buffers_.emplace(key, std::move(buffer)).first;
      LK_ASSIGN(Uploader zeros, Uploader::create(device_, 1 << 20, 2));
      LK_TRY(zeros.write({&it->second, 0, bytes}, std::vector<std::byte>(bytes)));
      LK_TRY(zeros.finish());
    }
    Buffer& buffer = buffers_.at(key);
    bool found = false;
    const auto bytes = given_bytes(data_, info.name, &found);
    if (!found) return Done{};
    if (matrix) {
      LK_ASSIGN(WeightLoader loader, WeightLoader::create(device_, kernels_));
      MatrixSource source{info.tensor.dtype, info.tensor.shape.rows(), columns, bytes};
      LK_TRY(loader.load_matrix(source, storage(info), info.storage));
      return loader.finish();
    }
    LK_ASSIGN(Uploader uploader, Uploader::create(device_, 1 << 20, 2));
    const uint64_t offset = info.kind == TensorKind::weight ? uint64_t(info.storage.first_row) * 4 : 0;
    if (offset + bytes.size() > buffer.size()) return invalid(join("the data of ", info.name, " is larger than the tensor."));
    LK_TRY(uploader.write({&buffer, offset, bytes.size()}, bytes));
    return uploader.finish();
  }

  std::vector<Slice> storage(const GraphTensor& info) const {
    const Buffer& buffer = buffers_.at(info.storage.name.empty() ? info.name : info.storage.name);
    if (info.kind != TensorKind::weight || info.tensor.shape.rank() < 2) return {{&buffer, 0, buffer.size()}};
    return page_slices({&buffer, 0, buffer.size()}, info.tensor.dtype, info.storage.rows, info.tensor.shape.columns(), device_.profile());
  }

 private:
  Device& device_;
  KernelLibrary& kernels_;
  const Data& data_;
  std::map<std::string, Buffer> buffers_;
};

}  // namespace

Result<RunOutcome> run_graph(Device& device, Graph& graph, const Data& data, const RunOptions& options) {
  if (options.fuse) fuse(graph, device.profile());
  if (graph.error()) return *graph.error();
  KernelLibrary kernels;
  Storages storages(device, kernels, data);
  for (const GraphTensor& info : graph.tensors())
    if (info.kind != TensorKind::result && info.alias_of < 0) LK_TRY(storages.add(info));

  DraftRequest wanted{.profile = &device.profile(), .kernels = &kernels, .forced_choice = options.choice};
  LK_ASSIGN(Draft drafted, draft(graph, wanted));
  LK_ASSIGN(const Buffer scratch, device.create_buffer({std::max<uint64_t>(drafted.scratch_bytes, 256), MemoryUse::device, "scratch"}));
  PlanRequest request{"test", [&](const GraphTensor& info) -> Result<std::vector<Slice>> { return storages.storage(info); },
                      {&scratch, 0, scratch.size()}};
  LK_ASSIGN(Plan plan, Plan::create(device, kernels, graph, std::move(drafted), request));
  LK_ASSIGN(const Ticket ticket, plan.submit());
  LK_TRY(device.wait(ticket));

  RunOutcome outcome;
  for (const GraphTensor& info : graph.tensors()) {
    if (!info.kept && info.kind != TensorKind::state) continue;
    Slice slice;
    if (info.kind == TensorKind::state) {
      slice = storages.storage(info).front();
      slice.size = row_bytes(info.tensor.dtype, uint64_t(info.tensor.shape.elements()));
    } else {
      LK_ASSIGN(slice, plan.output(info.name));
    }
    LK_ASSIGN(const auto bytes, download(device, slice));
    if (info.tensor.dtype == DType::f32) {
      auto& values = outcome.floats[info.name];
      values.resize(bytes.size() / 4);
      std::memcpy(values.data(), bytes.data(), values.size() * 4);
    } else {
      auto& values = outcome.words[info.name];
      values.resize((bytes.size() + 3) / 4);
      std::memcpy(values.data(), bytes.data(), bytes.size());
    }
  }
  return outcome;
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
