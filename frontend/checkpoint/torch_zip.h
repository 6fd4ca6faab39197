// torch.save files (since torch 1.6): a ZIP of one pickle and the storages it names, which stay where they are.
#pragma once

#include <string>
#include <vector>

#include "frontend/checkpoint/cursor.h"
#include "frontend/checkpoint/tensor_info.h"
#include "runtime/base/result.h"

namespace lorikeet {

// Offsets are from the start of the file; a tensor that is no dense row-major view has strides. `file` is for messages.
// Errors: corrupt (a view that leaves its storage, a missing storage, ...), unsupported (see torch_pickle.h and zip.h).
Result<std::vector<TensorInfo>> parse_torch_zip(Bytes bytes, const std::string& file);

}  // namespace lorikeet
