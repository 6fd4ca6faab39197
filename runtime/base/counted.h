// Numbers of things in sentences.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lorikeet {

// "1 picture", "2 pictures".
inline std::string counted(uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

// "1 was", "2 were".
inline std::string counted_were(uint64_t count) { return std::to_string(count) + (count == 1 ? " was" : " were"); }

}  // namespace lorikeet
