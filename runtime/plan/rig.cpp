#include "runtime/plan/rig.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/plan/upload.h"
#include "runtime/plan/weight_loader.h"

namespace lorikeet {
namespace {

std::vector<std::byte> given_bytes(const RigData& data, const std::string& name, bool* found) {
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
  Storages(Device& device, KernelLibrary& kernels, const RigData& data)
      : device_(device), kernels_(kernels), data_(data) {}

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
    if (offset + bytes.size() > buffer.size())
      return invalid(join("the data of ", info.name, " is larger than the tensor."));
    LK_TRY(uploader.write({&buffer, offset, bytes.size()}, bytes));
    return uploader.finish();
  }

  std::vector<Slice> storage(const GraphTensor& info) const {
    const Buffer& buffer = buffers_.at(info.storage.name.empty() ? info.name : info.storage.name);
    if (info.kind != TensorKind::weight || info.tensor.shape.rank() < 2) return {{&buffer, 0, buffer.size()}};
    return page_slices({&buffer, 0, buffer.size()}, info.tensor.dtype, info.storage, info.tensor.shape.columns(),
                       device_.profile());
  }

 private:
  Device& device_;
  KernelLibrary& kernels_;
  const RigData& data_;
  std::map<std::string, Buffer> buffers_;
};

}  // namespace

struct Rig::Impl {
  Device& device;
  std::vector<GraphTensor> tensors;  // to read: kept results and states
  Storages storages;
  std::unique_ptr<Buffer> scratch;
  std::unique_ptr<Plan> plan;

  Impl(Device& d, KernelLibrary& kernels, const RigData& data) : device(d), storages(d, kernels, data) {}
};

Rig::Rig(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Rig::Rig(Rig&&) noexcept = default;
Rig& Rig::operator=(Rig&&) noexcept = default;
Rig::~Rig() = default;

const Plan& Rig::plan() const { return *impl_->plan; }
Result<Ticket> Rig::submit() { return impl_->plan->submit(); }

Result<Rig> Rig::create(Device& device, KernelLibrary& kernels, const Graph& graph, const RigData& data,
                        const RigOptions& options) {
  if (graph.error()) return *graph.error();
  auto impl = std::make_unique<Impl>(device, kernels, data);
  for (const GraphTensor& info : graph.tensors()) {
    if (info.kind != TensorKind::result && info.alias_of < 0) LK_TRY(impl->storages.add(info));
    if (info.kept || info.kind == TensorKind::state) impl->tensors.push_back(info);
  }
  LK_ASSIGN(Draft drafted,
            draft(graph, {.profile = &device.profile(), .kernels = &kernels, .forced_choice = options.choice}));
  LK_ASSIGN(Buffer scratch,
            device.create_buffer({std::max<uint64_t>(drafted.scratch_bytes, 256), MemoryUse::device, "scratch"}));
  impl->scratch = std::make_unique<Buffer>(std::move(scratch));
  Storages& storages = impl->storages;
  const PlanRequest request{
      "rig",
      [&](const GraphTensor& info) -> Result<std::vector<Slice>> { return storages.storage(info); },
      {impl->scratch.get(), 0, impl->scratch->size()},
      {},
      options.timestamps};
  LK_ASSIGN(Plan plan, Plan::create(device, kernels, graph, std::move(drafted), request));
  impl->plan = std::make_unique<Plan>(std::move(plan));
  return Rig(std::move(impl));
}

Status Rig::run() {
  LK_ASSIGN(const Ticket ticket, submit());
  return impl_->device.wait(ticket);
}

Result<RigOutcome> Rig::read() {
  RigOutcome outcome;
  for (const GraphTensor& info : impl_->tensors) {
    Slice slice;
    if (info.kind == TensorKind::state) {
      slice = impl_->storages.storage(info).front();
      slice.size = row_bytes(info.tensor.dtype, uint64_t(info.tensor.shape.elements()));
    } else {
      LK_ASSIGN(slice, impl_->plan->output(info.name));
    }
    LK_ASSIGN(const auto bytes, download(impl_->device, slice));
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

}  // namespace lorikeet
