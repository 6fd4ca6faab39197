// Resizing, bit for bit as BICUBIC of Pillow before 13: pictures that models were trained on came through that. (13
// swaps the two passes where the height shrinks far more than the width, which no square and no kept aspect ratio
// does.)
#pragma once

#include "frontend/image/picture.h"

namespace lorikeet {

// `width` and `height` are at least 1, as are those of `picture`. Enlarging interpolates, shrinking averages.
Picture resize_bicubic(const Picture& picture, int width, int height);

}  // namespace lorikeet
