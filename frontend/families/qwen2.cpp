// Qwen1.5, Qwen2 and Qwen2.5, the dense ones.
#include "frontend/families/dense_decoder.h"

namespace lorikeet {
namespace {

constexpr ModelType kModelTypes[] = {
    {.name = "qwen2", .context_length = 32768, .kv_heads = 32, .sliding_window = 4096},
};

}  // namespace

const Family kQwen2 = {
    .architecture = "qwen2",
    .model_types = kModelTypes,
    .weights = kDenseDecoderWeights,
    .permuted_qk = false,
    .qkv_bias = true,
    .late_windows = true,
};

}  // namespace lorikeet
