#include "frontend/checkpoint/torch_zip.h"

#include <unordered_map>
#include <unordered_set>

#include "frontend/checkpoint/torch_pickle.h"
#include "frontend/checkpoint/zip.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// Whether the strides are those of a dense row-major tensor; an axis of one element may have any.
bool is_dense(const PickledTensor& tensor) {
  uint64_t expected = 1;
  for (size_t axis = tensor.shape.size(); axis-- > 0;) {
    if (tensor.shape[axis] == 0) return true;
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != expected) return false;
    expected *= tensor.shape[axis];
  }
  return true;
}

// One more than the largest element index that the view reaches; nothing if it does not fit 64 bits.
std::optional<uint64_t> view_end(const PickledTensor& tensor) {
  uint64_t last = tensor.offset;
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    if (tensor.shape[axis] == 0) return tensor.offset;
    const auto reach = checked_product(tensor.shape[axis] - 1, tensor.strides[axis]);
    if (!reach || *reach > std::numeric_limits<uint64_t>::max() - 1 - last) return std::nullopt;
    last += *reach;
  }
  return last + 1;
}

class Reader {
 public:
  Reader(Bytes bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  Result<std::vector<TensorInfo>> read() {
    LK_ASSIGN(const std::vector<ZipEntry> entries, parse_zip(bytes_, file_));
    LK_ASSIGN(const Bytes pickle, find_pickle(entries));
    for (const ZipEntry& entry : entries) entries_.emplace(entry.name, entry.bytes);
    if (const auto order = entries_.find(folder_ + "byteorder");
        order != entries_.end() && as_text(order->second) != "little")
      return unsupported(join("[torch] ", file_, ": the file is big-endian; only little-endian files can be read."));
    LK_ASSIGN(const std::vector<PickledTensor> pickled, parse_torch_pickle(pickle, file_));
    std::vector<TensorInfo> tensors;
    std::unordered_set<std::string_view> names;
    for (const PickledTensor& tensor : pickled) {
      if (!names.insert(tensor.name).second) return bad("tensor ", tensor.name, " occurs twice.");
      LK_ASSIGN(TensorInfo placed, place(tensor));
      tensors.push_back(std::move(placed));
    }
    return tensors;
  }

 private:
  template <class... Parts>
  Error bad(const Parts&... parts) const {
    return corrupt(join("[torch] ", file_, ": ", parts...));
  }

  // FOLDER/data.pkl; all other entries lie in the same folder.
  Result<Bytes> find_pickle(const std::vector<ZipEntry>& entries) {
    for (const ZipEntry& entry : entries) {
      const size_t slash = entry.name.find('/');
      if (slash == std::string::npos || entry.name.substr(slash + 1) != "data.pkl") continue;
      folder_ = entry.name.substr(0, slash + 1);
      return entry.bytes;
    }
    return bad("the ZIP file has no data.pkl, so it was not written by torch.save.");
  }

  Result<TensorInfo> place(const PickledTensor& tensor) const {
    const auto storage = entries_.find(folder_ + "data/" + tensor.storage);
    if (storage == entries_.end())
      return bad("the storage ", tensor.storage, " of tensor ", tensor.name, " is missing.");
    const uint64_t size = layout(tensor.type).bytes;
    const uint64_t held = storage->second.size() / size;
    if (tensor.storage_elements > held)
      return bad("the storage ", tensor.storage, " of tensor ", tensor.name, " should hold ", tensor.storage_elements,
                 " elements, it holds ", held, ".");
    const auto end = view_end(tensor);
    const auto bytes = dense_bytes(tensor.type, tensor.shape);
    if (!end || !bytes || *end > tensor.storage_elements)
      return bad("tensor ", tensor.name, " of shape ", shape_text(tensor.shape), " reaches beyond its storage of ",
                 tensor.storage_elements, " elements.");
    if (*bytes / size > tensor.storage_elements)
      return unsupported(join("[torch] ", file_, ": tensor ", tensor.name, " of shape ", shape_text(tensor.shape),
                              " repeats elements of a storage of ", tensor.storage_elements,
                              "; save a contiguous copy."));
    TensorInfo info;
    info.name = tensor.name;
    info.type = tensor.type;
    info.shape = tensor.shape;
    if (!is_dense(tensor)) info.strides = tensor.strides;
    info.offset = uint64_t(storage->second.data() - bytes_.data()) + tensor.offset * size;
    info.bytes = *bytes;
    return info;
  }

  Bytes bytes_;
  const std::string& file_;
  std::string folder_;
  std::unordered_map<std::string, Bytes> entries_;
};

}  // namespace

Result<std::vector<TensorInfo>> parse_torch_zip(Bytes bytes, const std::string& file) {
  return Reader(bytes, file).read();
}

}  // namespace lorikeet
