#include "frontend/text/unicode_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "frontend/text/utf8.h"

namespace lorikeet {
namespace {

// Nothing below U+0300 changes under NFC, and nothing in ASCII under any form.
bool is_unchanged(std::string_view text, UnicodeForm form) {
  const uint8_t first_lead = form == UnicodeForm::nfc ? 0xCC : 0x80;
  return std::all_of(text.begin(), text.end(), [&](char byte) {
    return static_cast<uint8_t>(byte) < first_lead || (static_cast<uint8_t>(byte) & 0xC0) == 0x80;
  });
}

void append_decomposition(std::vector<int32_t>& out, char32_t c, utf8proc_option_t options) {
  std::array<int32_t, 32> parts;  // the longest decomposition has 18 characters
  int last_boundary = 0;
  const auto count =
      utf8proc_decompose_char(static_cast<int32_t>(c), parts.data(), parts.size(), options, &last_boundary);
  if (count < 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) {
    out.push_back(static_cast<int32_t>(c));
    return;
  }
  out.insert(out.end(), parts.begin(), parts.begin() + count);
}

int combining_class(int32_t c) { return c < 0x300 ? 0 : utf8proc_get_property(c)->combining_class; }

// Canonical order: runs of combining marks sorted by class, stable. (The library's own sort is quadratic.)
void sort_marks(std::vector<int32_t>& text) {
  for (size_t begin = 0; begin < text.size();) {
    if (combining_class(text[begin]) == 0) {
      ++begin;
      continue;
    }
    size_t end = begin + 1;
    while (end < text.size() && combining_class(text[end]) != 0) ++end;
    std::stable_sort(text.begin() + std::ptrdiff_t(begin), text.begin() + std::ptrdiff_t(end),
                     [](int32_t a, int32_t b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

}  // namespace

std::string to_unicode_form(std::string_view text, UnicodeForm form) {
  if (is_unchanged(text, form)) return std::string(text);
  const bool compatible = form == UnicodeForm::nfkc || form == UnicodeForm::nfkd;
  const bool compose = form == UnicodeForm::nfc || form == UnicodeForm::nfkc;
  const auto decompose = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0));
  std::vector<int32_t> characters;
  characters.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = decode_utf8(text, at);
    append_decomposition(characters, step.code_point, decompose);
    at += step.length;
  }
  sort_marks(characters);
  if (compose && !characters.empty()) {
    const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    const auto count = utf8proc_normalize_utf32(characters.data(), utf8proc_ssize_t(characters.size()), options);
    if (count >= 0) characters.resize(size_t(count));
  }
  std::string out;
  out.reserve(text.size());
  for (const int32_t c : characters) append_utf8(out, static_cast<char32_t>(c));
  return out;
}

std::string to_lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = decode_utf8(text, at);
    at += step.length;
    append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<int32_t>(step.code_point))));
    if (step.code_point == 0x130) append_utf8(out, 0x307);  // the one character whose lower case has two
  }
  return out;
}

}  // namespace lorikeet
