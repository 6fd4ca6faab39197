// How an answer is shown: as text while it comes, or as one JSON object when it is complete.
#pragma once

#include "frontend/generation.h"

namespace lorikeet::tool {

// Prints each piece to stdout; without a tokenizer the ids, separated by commas.
OnPiece print_pieces(bool has_tokenizer);
void print_json(const Answer& answer, const GenerationOptions& options, double load_ms);
void say_speed(const Answer& answer);  // one line on stderr

}  // namespace lorikeet::tool
