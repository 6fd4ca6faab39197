#include "frontend/multiple_choice/base64.h"

#include <array>
#include <cstdint>

namespace lorikeet::multiple_choice {
namespace {

constexpr uint8_t kInvalid = 0xFF, kSpace = 0xFE, kPadding = 0xFD;

constexpr std::array<uint8_t, 256> values() {
  std::array<uint8_t, 256> table{};
  table.fill(kInvalid);
  uint8_t value = 0;
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
    table[uint8_t(c)] = value++;
  for (const char c : std::string_view(" \t\r\n")) table[uint8_t(c)] = kSpace;
  table['='] = kPadding;
  return table;
}

}  // namespace

std::optional<std::vector<std::byte>> decode_base64(std::string_view text) {
  static constexpr std::array<uint8_t, 256> kValues = values();
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  size_t characters = 0, padding = 0;
  for (const char c : text) {
    const uint8_t value = kValues[uint8_t(c)];
    if (value == kSpace) continue;
    if (value == kInvalid) return std::nullopt;
    if (value == kPadding) ++padding;
    else if (padding > 0) return std::nullopt;
    bits = bits << 6 | (value == kPadding ? 0 : value);
    if (++characters % 4 != 0) continue;
    if (padding > 2) return std::nullopt;
    for (size_t i = 0; i < 3 - padding; ++i) bytes.push_back(std::byte(bits >> (16 - 8 * i)));
  }
  if (characters % 4 != 0) return std::nullopt;
  return bytes;
}

}  // namespace lorikeet::multiple_choice
