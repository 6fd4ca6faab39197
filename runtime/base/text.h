// Small helpers to build the sentences of error messages.
#pragma once

#include <sstream>
#include <string>

namespace lorikeet {

// join("[rms_norm] weight has ", 3, " elements.") -> one string.
template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace lorikeet
