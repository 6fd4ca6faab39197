// Text as Python's str sees it: a sequence of code points. Stored as UTF-8; a byte that is not valid UTF-8 reads as
// U+FFFD, so no function here can fail.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lorikeet::jinja::unicode {

char32_t decode(std::string_view text, size_t& at);  // the code point at byte `at`, which moves past it
void append(std::string& out, char32_t point);
size_t length(std::string_view text);  // code points
bool ascii(std::string_view text);
bool valid(std::string_view text);            // well-formed UTF-8
std::string repaired(std::string_view text);  // each invalid part replaced by U+FFFD
std::u32string points(std::string_view text);
std::string bytes(std::u32string_view points);

// Python's str predicates for one code point.
bool is_space(char32_t point);
bool is_alpha(char32_t point);
bool is_decimal(char32_t point);
bool is_digit(char32_t point);
bool is_numeric(char32_t point);
bool is_alnum(char32_t point);
bool is_lower(char32_t point);
bool is_upper(char32_t point);
bool is_title(char32_t point);  // the title case letters such as U+01C5
bool is_cased(char32_t point);
bool is_printable(char32_t point);
bool starts_identifier(char32_t point);
bool continues_identifier(char32_t point);

// Full case mappings, as Python's str methods of the same name (final sigma, one character to several).
std::string lower(std::string_view text);
std::string upper(std::string_view text);
std::string title(std::string_view text);       // a capital after every character without case
std::string capitalize(std::string_view text);  // first character in title case, the others lower
std::string swapcase(std::string_view text);
std::string casefold(std::string_view text);

// White space as str.strip() knows it.
std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);
inline std::string_view strip(std::string_view text) { return strip_right(strip_left(text)); }

}  // namespace lorikeet::jinja::unicode
