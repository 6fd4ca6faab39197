// Logits of a whole text, written to a safetensors file as they come.
#pragma once

#include <filesystem>
#include <span>

#include "frontend/session.h"

namespace lorikeet {

// `logits` (positions, vocabulary) f32: row i belongs to the token after position i (a picture takes several). The text
// becomes the conversation of the slot. The file is complete or absent. Errors: those of Session::logits, and io.
Status write_logits(Model& model, Session& session, uint32_t slot, std::span<const int32_t> tokens,
                    const std::filesystem::path& path);

}  // namespace lorikeet
