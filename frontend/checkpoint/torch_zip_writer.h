// torch.save files: writing a dictionary of tensors.
#pragma once

#include <filesystem>
#include <vector>

#include "frontend/checkpoint/safetensors.h"
#include "runtime/base/result.h"

namespace lorikeet {

// A ZIP that torch.load reads (also with weights_only), as torch 1.6 and later write it: a dict of tensors by name in
// the given order, each in a storage of its own, stored at multiples of 64 bytes. The whole file or none of it.
// Errors: invalid_argument (bytes that are not those of the shape, a name given twice), unsupported (a type that torch
// has no storage for), io.
Status write_torch_zip(const std::filesystem::path& path, const std::vector<NamedBytes>& tensors);

}  // namespace lorikeet
