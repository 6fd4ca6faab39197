// The model that comes with the library, for whoever names none: a small Parrot (docs/nano.md).
#pragma once

#include <filesystem>

#include "runtime/base/result.h"

namespace lorikeet {

// What is built into the library (LORIKEET_EMBED_MODEL), or nano.gguf beside the program, in ../share/lorikeet of it,
// where the library was installed, or in its sources. Errors: not_found, with the places.
Result<std::filesystem::path> default_model();

}  // namespace lorikeet
