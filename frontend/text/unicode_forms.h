// Unicode normalisation forms and lower case.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lorikeet {

enum class UnicodeForm : uint8_t { nfc, nfd, nfkc, nfkd };

// The text must be valid UTF-8. Linear in its length, apart from sorting runs of combining marks (n log n).
std::string to_unicode_form(std::string_view valid_utf8, UnicodeForm form);
// Each character on its own, without the final-sigma rule.
std::string to_lower_case(std::string_view valid_utf8);

}  // namespace lorikeet
