// A GGUF file that is part of the library itself (LORIKEET_EMBED_MODEL), read where it lies.
#pragma once

#include <filesystem>

#include "frontend/checkpoint/cursor.h"
#include "runtime/base/file.h"

namespace lorikeet {

// Its path, wherever a model's path is asked for.
inline constexpr const char* kEmbeddedModel = "embedded:nano.gguf";

Bytes embedded_model();  // empty where none was built in

// The file of this path, or the embedded one.
Result<MappedFile> open_file(const std::filesystem::path& path);

}  // namespace lorikeet
