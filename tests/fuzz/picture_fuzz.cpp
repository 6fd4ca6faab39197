// Mutated picture files of every format, and what follows once one can still be decoded.
#include "frontend/image/picture.h"

#include "frontend/image/preprocess.h"
#include "runtime/base/file.h"
#include "tests/support/fuzz.h"
#include "tests/support/golden.h"

using namespace lorikeet;
using namespace std::string_literals;

int main() {
  std::vector<std::string> seeds;
  for (const char* name :
       {"parrot/pictures/boat_square.jpg", "parrot/pictures/cat_gray.png", "pictures/blocks.jpg",
        "pictures/progressive.jpg", "pictures/gray_alpha.png", "pictures/interlaced.png", "pictures/palette_alpha.png",
        "pictures/rgba16.png", "pictures/moving.gif", "pictures/rgb.bmp"})
    seeds.push_back(lorikeet::read_text(test::golden(name)).value());
  seeds.push_back(
      std::string(seeds[2]).insert(2,
                                   "\xff\xe1\0\x22"
                                   "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"s));
  PreprocessConfig config;
  config.pad_to_square = true;
  config.shortest_edge = config.crop_height = config.crop_width = 8;
  return test::fuzz("picture", seeds, [&](std::span<const std::byte> bytes) {
    const auto picture = decode_picture(bytes, {.alpha = AlphaPolicy::blend, .max_pixels = 10'000});
    if (picture) (void)pixel_values(*picture, config);
  });
}
