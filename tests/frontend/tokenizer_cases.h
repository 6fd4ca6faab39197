// Reference cases for tokenizers: reading them, and holding a tokenizer against them.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "frontend/text/tokenizer.h"

namespace lorikeet::test {

std::string read_or_fail(const std::filesystem::path& path);

// Each case: text, ids, and where they differ ids_no_special, ids_add_special, decoded_skip_special. Also streams the
// ids one by one. Returns the number of cases.
size_t check_cases(const Tokenizer& tokenizer, const nlohmann::json& reference);
// The `decode` cases: ids in no sensible order and their text, at once and as a stream.
size_t check_decoding(const Tokenizer& tokenizer, const nlohmann::json& reference);
// The `invalid_utf8` cases: raw bytes in hexadecimal and their ids.
size_t check_invalid_utf8(const Tokenizer& tokenizer, const nlohmann::json& reference);

// What a converter would write into a GGUF file for this tokenizer.json.
GgufVocabulary byte_level_gguf(const nlohmann::json& tokenizer_json, const std::string& pre);
// The same for SentencePiece: the rank of a piece's first merge becomes its negative score.
GgufVocabulary sentence_piece_gguf(const nlohmann::json& tokenizer_json, bool add_space_prefix);

}  // namespace lorikeet::test
