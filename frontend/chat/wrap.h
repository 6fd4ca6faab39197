// Breaking a paragraph into lines, as Python's textwrap.wrap does without touching white space first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lorikeet::jinja {

struct WrapRules {
  size_t width = 79;  // code points, at least 1
  bool break_words = true;
  bool break_hyphens = true;
};
std::vector<std::string> wrapped(std::string_view paragraph, const WrapRules& rules);

}  // namespace lorikeet::jinja
