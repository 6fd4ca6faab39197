#include "frontend/image/exif.h"

#include <algorithm>
#include <string_view>

#include "frontend/checkpoint/cursor.h"

namespace lorikeet {
namespace {

using namespace std::string_view_literals;

constexpr int kUpright = 1;
constexpr uint32_t kStartOfScan = 0xda, kApp1 = 0xe1;  // second bytes of JPEG markers
constexpr uint32_t kOrientationTag = 0x0112, kShort = 3;

uint32_t number(Bytes bytes, bool big_endian) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value = value << 8 | uint32_t(bytes[big_endian ? i : bytes.size() - 1 - i]);
  return value;
}

// EXIF is a TIFF file: a byte order, where the first directory lies, and its entries of 12 bytes.
int tiff_orientation(Bytes tiff) {
  const bool big_endian = as_text(tiff).starts_with("MM"sv);
  if (!big_endian && !as_text(tiff).starts_with("II"sv)) return kUpright;
  const auto directory = Cursor(tiff, 4).take(4);
  if (!directory) return kUpright;
  Cursor cursor(tiff, number(*directory, big_endian));
  const auto count = cursor.take(2);
  if (!count) return kUpright;
  for (uint32_t left = number(*count, big_endian); left > 0; --left) {
    const auto entry = cursor.take(12);
    if (!entry) return kUpright;
    if (number(entry->subspan(0, 2), big_endian) != kOrientationTag) continue;
    const uint32_t type = number(entry->subspan(2, 2), big_endian), value = number(entry->subspan(8, 2), big_endian);
    return type == kShort && value >= 1 && value <= 8 ? int(value) : kUpright;
  }
  return kUpright;
}

}  // namespace

int jpeg_orientation(Bytes file) {
  if (!as_text(file).starts_with("\xff\xd8"sv)) return kUpright;
  Cursor cursor(file, 2);
  while (const auto marker = cursor.take(4)) {  // 0xff, the kind, the length of what follows and of itself
    const uint32_t kind = uint32_t((*marker)[1]), length = number(marker->subspan(2, 2), true);
    if ((*marker)[0] != std::byte(0xff) || kind == kStartOfScan || length < 2) return kUpright;
    const auto segment = cursor.take(length - 2);
    if (!segment) return kUpright;
    if (kind == kApp1 && as_text(*segment).starts_with("Exif\0\0"sv)) return tiff_orientation(segment->subspan(6));
  }
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
