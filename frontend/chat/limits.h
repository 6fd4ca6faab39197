// How much one rendering may use: any template ends, and ends soon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>

namespace lorikeet {

struct RenderLimits {
  int64_t steps = 10'000'000;         // evaluation steps; long texts and lists cost more than one
  size_t text = size_t(64) << 20;     // bytes of the output, and of any text made on the way
  size_t memory = size_t(512) << 20;  // bytes of all texts and lists made on the way, together
  int depth = 500;  // of evaluation: expressions in blocks in macros ...; a level takes up to 2 KiB of stack
  std::optional<std::time_t> now = std::nullopt;  // what strftime_now shows; by default the time of the rendering
};

}  // namespace lorikeet
