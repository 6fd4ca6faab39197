// torch.save files: writing a dictionary of tensors.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "frontend/checkpoint/safetensors.h"
#include "runtime/base/result.h"

namespace lorikeet {

struct TorchTensor {
  std::string name;
  DType type = DType::f32;
  std::vector<uint64_t> shape;
};

// Another tensor in the storage of one: element `first` + the sum of index * stride over the axes.
struct TorchView {
  std::string name;
  size_t of = 0;  // number of the tensor
  uint64_t first = 0;
  std::vector<uint64_t> shape, strides;
};

// The bytes of a tensor, asked for one tensor after the other, so that not all are in memory.
using TorchBytes = std::function<Result<std::vector<std::byte>>(size_t tensor)>;

// A ZIP that torch.load reads (also with weights_only), as torch 1.6 and later write it: a dict of tensors by name in
// the given order, each in a storage of its own, stored at multiples of 64 bytes, and the views behind them. The whole
// file or none of it. Errors: invalid_argument (bytes that are not those of the shape, a name given twice, a view
// beyond its tensor), unsupported (a type that torch has no storage for), io; those of `bytes`.
Status write_torch_zip(const std::filesystem::path& path, const std::vector<TorchTensor>& tensors,
                       const std::vector<TorchView>& views, const TorchBytes& bytes);
Status write_torch_zip(const std::filesystem::path& path, const std::vector<NamedBytes>& tensors);

}  // namespace lorikeet
