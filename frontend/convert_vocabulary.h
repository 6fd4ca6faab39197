// The tokenizer of a Hugging Face directory as GGUF's keys. Private to convert.
#pragma once

#include <string>
#include <vector>

#include "frontend/config.h"
#include "frontend/text/tokenizer.h"

namespace lorikeet {

// The result gives the same ids as tokenizer.json for a text of many scripts, or a notice says so. Errors: corrupt;
// unsupported for a model other than BPE and for words cut in a way that GGUF has no name for.
Result<GgufVocabulary> vocabulary_of_directory(const Checkpoint& source, const DecoderConfig& config,
                                               std::vector<std::string>& notices);

}  // namespace lorikeet
