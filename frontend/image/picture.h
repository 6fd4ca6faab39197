// Pictures as 8-bit RGB, from the bytes of a JPEG, PNG, GIF or BMP file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  // (height, width, 3)
};

enum class AlphaPolicy {
  drop,   // the colours as they are stored, also where nothing of them is seen: what PIL's convert("RGB") does
  blend,  // over white, the usual page
};

std::string_view name(AlphaPolicy policy);                       // "drop" or "blend"
std::optional<AlphaPolicy> alpha_policy(std::string_view name);  // nothing for other names

struct PictureOptions {
  AlphaPolicy alpha = AlphaPolicy::drop;
  bool exif = true;  // turn a JPEG upright as its EXIF orientation says; false: as PIL opens it
  uint64_t max_pixels = 100'000'000;
};

// Gray, palettes and 16 bits (the high byte counts) become 8-bit RGB; of an animation the first frame is read.
// `name` begins the messages. Errors: corrupt (also for what is no picture), unsupported (too large).
Result<Picture> decode_picture(std::span<const std::byte> bytes, const PictureOptions& options = {},
                               const std::string& name = "picture");
// Errors: these, and io.
Result<Picture> read_picture(const std::filesystem::path& path, const PictureOptions& options = {});

}  // namespace lorikeet
