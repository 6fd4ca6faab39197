// Example: one sequence that a model is trained on, as plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lorikeet {

inline constexpr int32_t kNoLabel = -1;  // of a token that is not learnt

struct Example {
  std::vector<int32_t> tokens;  // (tokens): ids; kPictureToken where the picture goes
  std::vector<int32_t> labels;  // (tokens): the id itself where it is learnt, else kNoLabel. Not shifted
  std::string picture;          // path of the picture file; empty: none
};

}  // namespace lorikeet
