#include "frontend/text/byte_level.h"

#include <array>

#include "frontend/text/utf8.h"

namespace lorikeet {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr int kAlphabetEnd = 0x144;  // 256 + the 68 bytes that do not stand for themselves

struct Alphabet {
  std::array<char16_t, 256> character{};
  std::array<int16_t, kAlphabetEnd> byte{};
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (auto& entry : alphabet.byte) entry = -1;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const int character = stands_for_itself(byte) ? byte : next++;
    alphabet.character[size_t(byte)] = char16_t(character);
    alphabet.byte[size_t(character)] = int16_t(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

struct Utf8Character {
  char bytes[2];
  uint8_t length;
};

constexpr std::array<Utf8Character, 256> make_utf8() {
  std::array<Utf8Character, 256> all{};
  for (size_t byte = 0; byte < 256; ++byte) {
    const int c = kAlphabet.character[byte];
    if (c < 0x80) all[byte] = {{char(c), 0}, 1};
    else all[byte] = {{char(0xC0 | c >> 6), char(0x80 | (c & 0x3F))}, 2};
  }
  return all;
}

constexpr std::array<Utf8Character, 256> kUtf8 = make_utf8();

}  // namespace

std::string_view byte_level_character(uint8_t byte) { return {kUtf8[byte].bytes, kUtf8[byte].length}; }

std::optional<uint8_t> byte_level_byte(char32_t character) {
  if (character >= kAlphabetEnd || kAlphabet.byte[character] < 0) return std::nullopt;
  return static_cast<uint8_t>(kAlphabet.byte[character]);
}

void append_byte_level(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) out += byte_level_character(static_cast<uint8_t>(byte));
}

std::string byte_level_bytes(std::string_view piece) {
  std::string out;
  for (size_t at = 0; at < piece.size();) {
    const Utf8Step step = decode_utf8(piece, at);
    const auto byte = step.verdict == Utf8Verdict::valid ? byte_level_byte(step.code_point) : std::nullopt;
    if (!byte) return std::string(piece);
    out.push_back(static_cast<char>(*byte));
    at += step.length;
  }
  return out;
}

}  // namespace lorikeet
