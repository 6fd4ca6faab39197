// UTF-8: decoding by the WHATWG rule, and the few character classes that tokenizers ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lorikeet {

inline constexpr std::string_view kReplacementUtf8 = "\xEF\xBF\xBD";  // U+FFFD

enum class Utf8Verdict : uint8_t {
  valid,       // one character
  invalid,     // one maximal part of a sequence that can never become a character
  incomplete,  // the text ends inside a character
};

struct Utf8Step {
  char32_t code_point = 0xFFFD;  // U+FFFD unless valid
  uint32_t length = 0;           // bytes, at least 1
  Utf8Verdict verdict = Utf8Verdict::invalid;
};

// The character, or the invalid part, that starts at `text[at]`; `at` must be below text.size().
Utf8Step decode_utf8(std::string_view text, size_t at);
// Bytes of the character whose first byte is `lead`, in text that is known to be valid.
inline size_t utf8_length(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
void append_utf8(std::string& out, char32_t code_point);
bool is_valid_utf8(std::string_view text);
size_t count_characters(std::string_view valid_utf8);
// Each maximal invalid part becomes one U+FFFD.
std::string replace_invalid_utf8(std::string_view bytes);

bool is_whitespace(char32_t c);   // property White_Space
bool is_number(char32_t c);       // categories Nd, Nl, No
bool is_punctuation(char32_t c);  // ASCII punctuation and symbols, and the categories P*
bool is_word(char32_t c);         // letters, marks, decimal digits, letter numbers, connectors, joiners
bool is_mark(char32_t c);         // categories Mn, Mc, Me

}  // namespace lorikeet
