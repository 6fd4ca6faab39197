#include "frontend/checkpoint/checkpoint_hash.h"

#include <algorithm>

#include "runtime/base/sha256.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr size_t kPiece = 4096, kPieces = 16;

}  // namespace

std::string checkpoint_hash(const Checkpoint& checkpoint) {
  std::vector<const TensorInfo*> tensors;
  for (const TensorInfo& tensor : checkpoint.tensors()) tensors.push_back(&tensor);
  if (tensors.empty()) return "";
  std::sort(tensors.begin(), tensors.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  Sha256 hash;
  for (const TensorInfo* tensor : tensors) {
    hash.add(join(tensor->name, " ", name(tensor->type), " ", shape_text(tensor->shape), "\n"));
    const auto data = checkpoint.data(*tensor);
    if (!data) return "";
    if (data->size() <= kPieces * kPiece) {
      hash.add(*data);
    } else {
      for (size_t i = 0; i < kPieces; ++i)
        hash.add(data->subspan(size_t(uint64_t(data->size() - kPiece) * i / (kPieces - 1)), kPiece));
    }
    if (!tensor->strides.empty()) checkpoint.release(*tensor);  // it was gathered into memory of our own
  }
  return hash.digits();
}

}  // namespace lorikeet
