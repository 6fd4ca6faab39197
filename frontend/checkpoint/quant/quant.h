// The element types of model files to f32 and back, on the host. Layouts: https://github.com/ggml-org/ggml
#pragma once

#include <span>
#include <vector>

#include "frontend/checkpoint/cursor.h"
#include "runtime/base/dtype.h"
#include "runtime/base/result.h"

namespace lorikeet {

// f32, f16, bf16 and every block type of DType.
bool can_dequantise(DType type);
// f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k.
bool can_quantise(DType type);

// Blocks are independent, so that `threads` (0: all of the machine) changes the time and not one bit.
// `bytes` holds out.size() elements of `type`, a whole number of blocks. Errors: invalid_argument.
Status dequantise(DType type, Bytes bytes, std::span<float> out, unsigned threads = 1);

// The reverse; the best scale of each block is searched for. Errors: invalid_argument, also for a value that is not
// finite (in block types; f16, bf16 and f32 keep it).
Status quantise(DType type, std::span<const float> values, std::span<std::byte> out, unsigned threads = 1);

}  // namespace lorikeet
