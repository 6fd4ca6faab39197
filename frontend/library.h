#pragma once

#include <string_view>

namespace lorikeet {

std::string_view version();  // "major.minor.patch"

}  // namespace lorikeet
