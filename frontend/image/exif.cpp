#include "frontend/image/exif.h"

#include <string_view>

#include "frontend/image/jpeg_segments.h"

namespace lorikeet {
namespace {

using namespace std::string_view_literals;

constexpr int kUpright = 1;
constexpr uint8_t kApp1 = 0xe1;  // JPEG segment
constexpr uint32_t kOrientationTag = 0x0112, kShort = 3;

// EXIF is a TIFF file: a byte order, where the first directory lies, and its entries of 12 bytes.
int tiff_orientation(Bytes tiff) {
  const bool big_endian = as_text(tiff).starts_with("MM"sv);
  if (!big_endian && !as_text(tiff).starts_with("II"sv)) return kUpright;
  const auto directory = Cursor(tiff, 4).take(4);
  if (!directory) return kUpright;
  Cursor cursor(tiff, read_number(*directory, big_endian));
  const auto count = cursor.take(2);
  if (!count) return kUpright;
  for (uint32_t left = read_number(*count, big_endian); left > 0; --left) {
    const auto entry = cursor.take(12);
    if (!entry) return kUpright;
    if (read_number(entry->subspan(0, 2), big_endian) != kOrientationTag) continue;
    const uint32_t type = read_number(entry->subspan(2, 2), big_endian),
                   value = read_number(entry->subspan(8, 2), big_endian);
    return type == kShort && value >= 1 && value <= 8 ? int(value) : kUpright;
  }
  return kUpright;
}

}  // namespace

int jpeg_orientation(Bytes file) {
  JpegSegments segments(file);
  while (const auto segment = segments.next())
    if (segment->kind == kApp1 && as_text(segment->content).starts_with("Exif\0\0"sv))
      return tiff_orientation(segment->content.subspan(6));
  return kUpright;
}

Picture turned_upright(Picture stored, int orientation) {
  if (orientation == kUpright) return stored;
  const bool transposed = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Picture upright{transposed ? stored.height : stored.width, transposed ? stored.width : stored.height, {}};
  upright.rgb.reserve(stored.rgb.size());
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x) {
      const int column = transposed ? y : x, row = transposed ? x : y;
      const size_t from_x = size_t(from_right ? stored.width - 1 - column : column);
      const size_t from_y = size_t(from_below ? stored.height - 1 - row : row);
      const auto pixel = stored.rgb.begin() + std::ptrdiff_t((from_y * size_t(stored.width) + from_x) * 3);
      upright.rgb.insert(upright.rgb.end(), pixel, pixel + 3);
    }
  }
  return upright;
}

}  // namespace lorikeet
