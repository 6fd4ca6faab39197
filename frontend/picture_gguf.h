// A PictureConfig as keys of a GGUF file: llama.cpp's clip.* where it has them, parrot.* for the rest. docs/files.md
// lists them.
#pragma once

#include <string>

#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/picture_config.h"

namespace lorikeet {

void set_picture(GgufHeader& header, const PictureConfig& config);
// Every key must be there; `file` begins the messages. Errors: not_found, corrupt.
Result<PictureConfig> gguf_picture(const GgufMetadata& metadata, const std::string& file);

}  // namespace lorikeet
