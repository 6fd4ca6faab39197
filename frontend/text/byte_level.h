// The byte-level alphabet of GPT-2: each byte is written as one printable character.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lorikeet {

// One character for each byte, at most two bytes of UTF-8.
std::string_view byte_level_character(uint8_t byte);
// The byte that a character stands for; nothing for a character outside the alphabet.
std::optional<uint8_t> byte_level_byte(char32_t character);
void append_byte_level(std::string& out, std::string_view bytes);
// The bytes that a piece stands for; the piece itself if any of its characters is outside the alphabet.
std::string byte_level_bytes(std::string_view piece);

}  // namespace lorikeet
