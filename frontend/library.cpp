// The library's version, as CMake gives it.
#include "frontend/library.h"

namespace lorikeet {

std::string_view version() { return "0.1.0"; }

}  // namespace lorikeet
