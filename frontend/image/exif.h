// Internal: how a camera was held, https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf section 4.6.4.
#pragma once

#include <cstddef>
#include <span>

#include "frontend/image/picture.h"

namespace lorikeet {

// 1 to 8 as EXIF numbers them; 1, which is upright, for everything that is no JPEG or does not say.
int jpeg_orientation(std::span<const std::byte> file);

Picture turned_upright(Picture stored, int orientation);

}  // namespace lorikeet
