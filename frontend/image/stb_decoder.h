// Internal: stb_image behind two functions that trust nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

struct PictureSize {
  int width = 0, height = 0;
};

// From the header alone. Errors: corrupt.
Result<PictureSize> stb_size(std::span<const std::byte> bytes, const std::string& name);

// `size` is what stb_size said, `channels` 3 (RGB) or 4 (RGBA). Errors: corrupt, also for a file that ends too early.
Result<std::vector<uint8_t>> stb_decode(std::span<const std::byte> bytes, PictureSize size, int channels,
                                        const std::string& name);  // (height, width, channels)

}  // namespace lorikeet
