#include "frontend/image/picture.h"

#include "frontend/image/exif.h"
#include "frontend/image/stb_decoder.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint64_t kMaximumBytes = uint64_t(1) << 30;

// (pixels, 4) -> (pixels, 3)
std::vector<uint8_t> over_white(const std::vector<uint8_t>& rgba) {
  std::vector<uint8_t> rgb;
  rgb.reserve(rgba.size() / 4 * 3);
  for (size_t pixel = 0; pixel < rgba.size(); pixel += 4) {
    const int alpha = rgba[pixel + 3];
    for (size_t channel = 0; channel < 3; ++channel)
      rgb.push_back(uint8_t((rgba[pixel + channel] * alpha + 255 * (255 - alpha) + 127) / 255));
  }
  return rgb;
}

}  // namespace

std::string_view name(AlphaPolicy policy) { return policy == AlphaPolicy::blend ? "blend" : "drop"; }

std::optional<AlphaPolicy> alpha_policy(std::string_view name) {
  if (name == "blend") return AlphaPolicy::blend;
  return name == "drop" ? std::optional(AlphaPolicy::drop) : std::nullopt;
}

Result<Picture> decode_picture(std::span<const std::byte> bytes, const PictureOptions& options,
                               const std::string& name) {
  if (bytes.empty())
    return corrupt(join("[image] ", name, ": there are no bytes; a JPEG, PNG, GIF or BMP picture was expected."));
  if (bytes.size() > kMaximumBytes)
    return unsupported(
        join("[image] ", name, ": the file has ", bytes.size(), " bytes; at most ", kMaximumBytes, " are supported."));
  LK_ASSIGN(const PictureSize size, stb_size(bytes, name));
  if (uint64_t(size.width) * uint64_t(size.height) > options.max_pixels)
    return unsupported(join("[image] ", name, ": the picture has ", size.width, " x ", size.height, " pixels; at most ",
                            options.max_pixels, " in all are allowed."));
  const bool blend = options.alpha == AlphaPolicy::blend;
  LK_ASSIGN(std::vector<uint8_t> samples, stb_decode(bytes, size, blend ? 4 : 3, name));
  if (blend) samples = over_white(samples);
  Picture stored{size.width, size.height, std::move(samples)};
  return options.exif ? turned_upright(std::move(stored), jpeg_orientation(bytes)) : std::move(stored);
}

Result<Picture> read_picture(const std::filesystem::path& path, const PictureOptions& options) {
  auto file = MappedFile::open(path);
  if (!file) return Error{file.error().code, "[image] " + file.error().message, file.error().detail};
  return decode_picture(file->bytes(), options, path.string());
}

}  // namespace lorikeet
