// How an answer is shown: as text while it comes, or as one JSON object when it is complete.
#pragma once

#include <nlohmann/json.hpp>

#include "frontend/generation.h"

namespace lorikeet::tool {

// Prints each piece to stdout; without a tokenizer the ids, separated by commas.
OnPiece print_pieces(bool has_tokenizer);
// `more`: further fields of the object.
void print_json(const Answer& answer, const GenerationOptions& options, double load_ms,
                const nlohmann::ordered_json& more = nlohmann::ordered_json::object());
void say_speed(const Answer& answer);  // one line on stderr

}  // namespace lorikeet::tool
