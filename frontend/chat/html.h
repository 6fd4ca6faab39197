// The little HTML that striptags needs.
#pragma once

#include <string>
#include <string_view>

namespace lorikeet::jinja {

// Tags and comments out, white space to single blanks, character references to characters. Named references: those of
// XML and the common ones of HTML.
std::string without_tags(std::string_view text);

}  // namespace lorikeet::jinja
