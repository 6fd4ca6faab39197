// Base64 as in RFC 4648, section 4. White space between the characters does not count.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace lorikeet::multiple_choice {

// None if another character occurs, or if the padding is missing or not at the end.
std::optional<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace lorikeet::multiple_choice
