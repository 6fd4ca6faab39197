// Llama 2, 3, 3.1, 3.2, TinyLlama, SmolLM2 and Mistral.
#include "frontend/families/dense_decoder.h"

namespace lorikeet {
namespace {

constexpr ModelType kModelTypes[] = {
    {.name = "llama", .context_length = 2048, .kv_heads = 0, .sliding_window = 0},
    {.name = "mistral", .context_length = 131072, .kv_heads = 8, .sliding_window = 4096},
};

}  // namespace

const Family kLlama = {
    .architecture = "llama",
    .model_types = kModelTypes,
    .weights = kDenseDecoderWeights,
    .permuted_qk = true,
    .qkv_bias = false,
};

}  // namespace lorikeet
