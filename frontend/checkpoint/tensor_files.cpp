#include "frontend/checkpoint/tensor_files.h"

#include "frontend/checkpoint/embedded_model.h"
#include "runtime/base/text.h"

namespace lorikeet {

struct TensorFiles::Gathered {
  std::mutex mutex;
  std::unordered_map<std::string, std::vector<std::byte>> tensors;
};

TensorFiles::TensorFiles() : gathered_(std::make_unique<Gathered>()) {}
TensorFiles::TensorFiles(TensorFiles&&) noexcept = default;
TensorFiles& TensorFiles::operator=(TensorFiles&&) noexcept = default;
TensorFiles::~TensorFiles() = default;

Result<uint32_t> TensorFiles::map(const std::filesystem::path& path) {
  LK_ASSIGN(MappedFile file, open_file(path));
  files_.push_back(std::move(file));
  return uint32_t(files_.size() - 1);
}

Status TensorFiles::add(std::vector<TensorInfo> tensors) {
  for (TensorInfo& tensor : tensors) {
    if (!index_.emplace(tensor.name, tensors_.size()).second)
      return corrupt(join(files_[tensor.file].path().string(), ": tensor ", tensor.name, " occurs twice."));
    tensors_.push_back(std::move(tensor));
  }
  return Done{};
}

void TensorFiles::adopt(TensorFiles other, std::string_view only, std::string_view prefix) {
  const uint32_t first = uint32_t(files_.size());
  for (MappedFile& file : other.files_) files_.push_back(std::move(file));
  for (TensorInfo& tensor : other.tensors_) {
    if (!tensor.name.starts_with(only)) continue;
    tensor.name.insert(0, prefix);
    tensor.file += first;
    if (index_.emplace(tensor.name, tensors_.size()).second) tensors_.push_back(std::move(tensor));
  }
}

const TensorInfo* TensorFiles::find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

uint64_t TensorFiles::file_bytes() const {
  uint64_t sum = 0;
  for (const MappedFile& file : files_) sum += file.bytes().size();
  return sum;
}

namespace {

// Copies the elements in row-major order. The reader has checked that every element lies within the file.
std::vector<std::byte> gather(const TensorInfo& tensor, const std::byte* first) {
  const size_t size = layout(tensor.type).bytes;
  std::vector<std::byte> dense(size_t(tensor.bytes));
  std::vector<uint64_t> at(tensor.shape.size(), 0);
  uint64_t source = 0;  // in elements
  for (size_t target = 0; target < dense.size(); target += size) {
    std::memcpy(dense.data() + target, first + source * size, size);
    for (size_t axis = at.size(); axis-- > 0;) {
      source += tensor.strides[axis];
      if (++at[axis] < tensor.shape[axis]) break;
      source -= tensor.strides[axis] * tensor.shape[axis];
      at[axis] = 0;
    }
  }
  return dense;
}

}  // namespace

Result<Bytes> TensorFiles::data(const TensorInfo& tensor) const {
  const Bytes bytes = files_[tensor.file].bytes();
  if (tensor.offset > bytes.size() || (tensor.strides.empty() && tensor.bytes > bytes.size() - tensor.offset))
    return corrupt(join(files_[tensor.file].path().string(), ": tensor ", tensor.name, " lies outside the file."));
  if (tensor.strides.empty()) return bytes.subspan(size_t(tensor.offset), size_t(tensor.bytes));
  const std::lock_guard lock(gathered_->mutex);
  auto [entry, is_new] = gathered_->tensors.try_emplace(tensor.name);
  if (is_new) entry->second = gather(tensor, bytes.data() + tensor.offset);
  return Bytes(entry->second);
}

void TensorFiles::release(const TensorInfo& tensor) const {
  if (tensor.strides.empty()) return files_[tensor.file].release(tensor.offset, tensor.bytes);
  const std::lock_guard lock(gathered_->mutex);
  gathered_->tensors.erase(tensor.name);
}

}  // namespace lorikeet
