// The pickle inside a torch file, read by a machine that can build tensors and nothing else: it calls no code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/checkpoint/cursor.h"
#include "runtime/base/dtype.h"
#include "runtime/base/result.h"

namespace lorikeet {

// A tensor as the pickle describes it: a view into a storage. Nothing is checked against the storage yet.
struct PickledTensor {
  std::string name;
  DType type = DType::f32;
  std::string storage;  // the storage's key, the name of an entry under data/
  uint64_t storage_elements = 0;
  uint64_t offset = 0;  // in elements
  std::vector<uint64_t> shape, strides;
};

// The tensors of the dictionary that the pickle holds, whose other values are skipped; or the one tensor that it holds
// instead, without a name. `file` is for the messages.
// Errors: corrupt; unsupported for every class or function that does not make a tensor, with its name.
Result<std::vector<PickledTensor>> parse_torch_pickle(Bytes bytes, const std::string& file);

// The class in torch's module that stores elements of a type: "FloatStorage"; empty if there is none.
std::string_view torch_storage_class(DType type);

}  // namespace lorikeet
