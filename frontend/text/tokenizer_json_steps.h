// The steps of a tokenizer.json: normaliser, pre-tokenizer and decoder. Internal to this folder.
#pragma once

#include "frontend/text/json_fields.h"
#include "frontend/text/tokenizer_parts.h"

namespace lorikeet {

// `root` is the whole file. A null or missing part means no steps.
Status read_normalizer(const Json& root, TokenizerParts& parts);
Status read_pre_tokenizer(const Json& root, TokenizerParts& parts);
Status read_decoder(const Json& root, TokenizerParts& parts);

}  // namespace lorikeet
