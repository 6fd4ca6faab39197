// Files of token ids or of plain text, cut into examples of equal length.
#pragma once

#include <filesystem>
#include <vector>

#include "frontend/checkpoint/cursor.h"
#include "frontend/dataset/example_record.h"
#include "frontend/text/tokenizer.h"

namespace lorikeet {

// Whether the file holds token ids, by its first bytes: a packed token file ("LITPKDS"), or tensors (torch.save,
// safetensors).
bool holds_tokens(Bytes file);

// One record of at most `length` ids after the other, in the file's order.
//   packed token file   a stream: "LITPKDS", u64 version 1, u8 type of the numbers, u64 their count, the numbers
//   tensors             one matrix (sequences, tokens) of integers, a stream for each sequence; zeros at its end are
//                       padding, as published
// Errors: corrupt for what is damaged, unsupported for other versions and types.
Result<std::vector<ExampleRecord>> token_records(const std::filesystem::path& file, Bytes bytes, int64_t length);

// The same of a text, as one stream. Errors: those of the tokenizer.
Result<std::vector<ExampleRecord>> text_records(std::string_view text, const std::string& file,
                                                const Tokenizer& tokenizer, int64_t length);

}  // namespace lorikeet
