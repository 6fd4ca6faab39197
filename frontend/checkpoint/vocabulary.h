// The tokenizer's keys of a GGUF file.
#pragma once

#include "frontend/checkpoint/gguf_metadata.h"
#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/text/tokenizer.h"
#include "runtime/base/result.h"

namespace lorikeet {

// Missing keys leave their fields empty. Errors: corrupt, for a key of the wrong type.
Result<GgufVocabulary> gguf_vocabulary(const GgufMetadata& metadata);

// Sets the keys of all fields that are not empty.
void set_vocabulary(GgufHeader& header, const GgufVocabulary& vocabulary);

}  // namespace lorikeet
