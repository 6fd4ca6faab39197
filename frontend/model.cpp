#include "frontend/model.h"

#include <algorithm>
#include <map>

#include "frontend/checkpoint/quant/quant.h"
#include "frontend/families/resolve.h"
#include "frontend/load_tokenizer.h"
#include "runtime/base/half.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/plan/weight_loader.h"

namespace lorikeet {
namespace {

// Weights lie in buffers of at most this size, so that a part of them can spill and none exceeds what a driver
// allocates.
constexpr uint64_t kArenaBytes = 256ull << 20;

}  // namespace

struct Model::Impl {
  Device* device = nullptr;
  Checkpoint checkpoint;
  DecoderConfig config;
  WeightTable weights;
  ModelOptions options;
  std::optional<Tokenizer> tokenizer;
  std::optional<Error> tokenizer_error;
  uint64_t generation = 0;  // uploads so far
  uint64_t seen = 0;        // the device's generation at the last of them
  bool complete = false;
  // The device part.
  KernelLibrary kernels;
  ChoiceTable choices;
  std::vector<Buffer> arenas;
  std::map<std::string, std::vector<Slice>> slices;  // pages by storage

  Impl(Device& d, Checkpoint c, DecoderConfig f, WeightTable w, ModelOptions o)
      : device(&d), checkpoint(std::move(c)), config(std::move(f)), weights(std::move(w)), options(std::move(o)) {}

  Status allocate();
  Status upload();
  Status upload_one(WeightLoader& loader, const Weight& weight);
};

// Pages are put one after another into arenas; a page never spans two.
Status Model::Impl::allocate() {
  struct Piece {
    std::string storage;
    uint64_t bytes;
  };
  const DeviceProfile& profile = device->profile();
  std::vector<Piece> pieces;
  for (const WeightStorage& storage : weights.storages()) {
    if (storage.columns == 0) {
      pieces.push_back({storage.name, storage.bytes});
      continue;
    }
    const Pages split = pages(storage.type, storage.rows, storage.columns, profile, storage.block_rows);
    for (int64_t page = 0; page < split.count(); ++page)
      pieces.push_back(
          {storage.name, group_bytes(storage.type, storage.columns) *
                             uint64_t(std::min(split.groups_per_page, split.groups - page * split.groups_per_page))});
  }
  const uint64_t alignment = std::max<uint64_t>(profile.storage_alignment, 256);
  const uint64_t limit = std::min(kArenaBytes, profile.max_allocation);
  arenas.reserve(pieces.size());  // slices point to the buffers
  for (size_t first = 0; first < pieces.size();) {
    uint64_t bytes = 0;
    std::vector<uint64_t> offsets;
    size_t next = first;
    for (; next < pieces.size(); ++next) {
      const uint64_t offset = (bytes + alignment - 1) / alignment * alignment;
      if (next > first && offset + pieces[next].bytes > limit) break;
      offsets.push_back(offset);
      bytes = offset + pieces[next].bytes;
    }
    LK_ASSIGN(Buffer arena, device->create_buffer({bytes, MemoryUse::weights, join("weights ", arenas.size())}));
    arenas.push_back(std::move(arena));
    for (size_t i = first; i < next; ++i)
      slices[pieces[i].storage].push_back({&arenas.back(), offsets[i - first], pieces[i].bytes});
    first = next;
  }
  return Done{};
}

Status Model::Impl::upload_one(WeightLoader& loader, const Weight& weight) {
  const TensorInfo& source = *weight.source;
  LK_ASSIGN(const Bytes whole, checkpoint.data(source));
  const std::vector<Slice>& pages = slices.at(weight.place.name);
  if (weight.shape.rank() == 1) {
    std::vector<float> values(source.elements());
    LK_TRY(dequantise(source.type, whole, values));
    if (const int64_t head = weight.interleaved_head_rows) {
      const std::vector<float> file = values;
      const WeightRef order{&source, weight.role, uint32_t(head)};
      for (size_t i = 0; i < values.size(); ++i) values[i] = file[order.file_row(i)];
    }
    Slice target = pages.front();
    target.offset += uint64_t(weight.place.first_row) * 4;
    target.size = values.size() * 4;
    return loader.load_vector(values, target);
  }
  const uint64_t columns_bytes = row_bytes(source.type, uint64_t(weight.shape.columns()));
  const Bytes bytes =
      whole.subspan(size_t(weight.source_row) * columns_bytes, size_t(weight.shape.rows()) * columns_bytes);
  MatrixSource matrix{source.type, weight.shape.rows(), weight.shape.columns(), bytes, weight.interleaved_head_rows};
  if (source.type == weight.type) return loader.load_matrix(matrix, pages, weight.place);
  // No kernel reads this type: to f16, some rows at a time.
  const int64_t columns = weight.shape.columns(),
                step = std::max<int64_t>(kGroupRows, (1 << 20) / columns / kGroupRows * kGroupRows);
  const int64_t granule = std::max<int64_t>(weight.interleaved_head_rows, 1) * kGroupRows;
  const int64_t piece = (step + granule - 1) / granule * granule;
  const uint64_t row = bytes.size() / uint64_t(weight.shape.rows());
  std::vector<float> values;
  std::vector<uint16_t> halves;
  for (int64_t first = 0; first < weight.shape.rows(); first += piece) {
    const int64_t rows = std::min(piece, weight.shape.rows() - first);
    values.resize(size_t(rows * columns));
    halves.resize(values.size());
    LK_TRY(dequantise(source.type, bytes.subspan(size_t(first) * row, size_t(rows) * row), values));
    std::transform(values.begin(), values.end(), halves.begin(), f32_to_f16);
    const MatrixSource part{DType::f16, rows, columns, std::as_bytes(std::span(halves)), weight.interleaved_head_rows};
    LK_TRY(loader.load_matrix(
        part, pages, {weight.place.name, weight.place.first_row + first, weight.place.rows, weight.place.block_rows}));
  }
  return Done{};
}

Status Model::Impl::upload() {
  ++generation;
  seen = device->generation();
  LK_TRY(allocate());
  LK_ASSIGN(WeightLoader loader, WeightLoader::create(*device, kernels));
  uint64_t done = 0;
  for (const Weight& weight : weights.weights()) {
    LK_TRY(upload_one(loader, weight));
    checkpoint.release(*weight.source);
    done += weight.source->bytes;
    if (options.upload) options.upload(done, checkpoint.file_bytes());
  }
  LK_TRY(loader.load_vector(config.rope.inverse_frequencies, slices.at(std::string(kRopeFrequencies)).front()));
  LK_TRY(loader.finish());
  complete = true;
  return Done{};
}

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Result<ModelMemory> Model::memory(const std::filesystem::path& path) {
  LK_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(path));
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(checkpoint));
  LK_ASSIGN(const WeightTable weights, WeightTable::build(checkpoint, config));
  return ModelMemory{weights.bytes(), checkpoint.file_bytes()};
}

Result<Model> Model::load(Device& device, const std::filesystem::path& path, const ModelOptions& options) {
  LK_ASSIGN(Model model, open(device, path, options));
  LK_TRY(model.upload());
  return model;
}

Result<Model> Model::open(Device& device, const std::filesystem::path& path, const ModelOptions& options) {
  LK_ASSIGN(Checkpoint checkpoint, Checkpoint::open(path, options.vision));
  LK_ASSIGN(DecoderConfig config, DecoderConfig::from(checkpoint));
  LK_ASSIGN(WeightTable weights, WeightTable::build(checkpoint, config));
  auto impl = std::make_unique<Impl>(device, std::move(checkpoint), std::move(config), std::move(weights), options);
  // The table points into the checkpoint, which has moved with its storage: tensors stay where they are.
  if (auto tokenizer = load_tokenizer(impl->checkpoint)) impl->tokenizer = std::move(*tokenizer);
  else impl->tokenizer_error = tokenizer.error();
  if (const std::string types = impl->weights.converted_types(); !types.empty() && options.notice)
    options.notice(join("Tensors of type ", types, " become f16 on the device."));
  impl->choices = ChoiceTable::load(device.options().cache_folder(), device.profile());
  return Model(std::move(impl));
}

Status Model::upload() { return impl_->upload(); }

const Checkpoint& Model::checkpoint() const { return impl_->checkpoint; }
const DecoderConfig& Model::config() const { return impl_->config; }
const WeightTable& Model::weights() const { return impl_->weights; }
ModelMemory Model::memory() const { return {impl_->weights.bytes(), impl_->checkpoint.file_bytes()}; }
const Tokenizer* Model::tokenizer() const { return impl_->tokenizer ? &*impl_->tokenizer : nullptr; }
const std::optional<Error>& Model::tokenizer_error() const { return impl_->tokenizer_error; }
Device& Model::device() { return *impl_->device; }
KernelLibrary& Model::kernels() { return impl_->kernels; }
ChoiceTable& Model::choices() { return impl_->choices; }
uint64_t Model::generation() const { return impl_->generation; }

Result<std::vector<Slice>> Model::storage(const GraphTensor& weight) const {
  const auto found = impl_->slices.find(weight.storage.name);
  if (found == impl_->slices.end())
    return Error{ErrorCode::internal, join("[model] no storage is named ", weight.storage.name, "."), {}};
  return found->second;
}

bool Model::loaded() const {
  return impl_->complete && impl_->seen == impl_->device->generation() && !impl_->device->lost();
}

Status Model::recover() {
  impl_->complete = false;
  impl_->slices.clear();
  impl_->arenas.clear();
  impl_->kernels = {};
  if (impl_->device->lost()) LK_TRY(impl_->device->reopen());
  return impl_->upload();
}

}  // namespace lorikeet
