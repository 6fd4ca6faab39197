// The tokenizer of a checkpoint: GGUF's tokenizer.* keys, or the files of a Hugging Face directory.
#pragma once

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/text/tokenizer.h"

namespace lorikeet {

// Errors: not_found when the checkpoint has no tokenizer; what Tokenizer's factories say.
Result<Tokenizer> load_tokenizer(const Checkpoint& checkpoint);

}  // namespace lorikeet
