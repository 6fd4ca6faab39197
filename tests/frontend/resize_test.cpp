#include "frontend/image/resize.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/support/catch.h"

using namespace lorikeet;

namespace {

Picture noise(int width, int height) {
  std::mt19937 random(unsigned(width * 1000 + height));
  Picture picture{width, height, std::vector<uint8_t>(size_t(width) * size_t(height) * 3)};
  for (uint8_t& level : picture.rgb) level = uint8_t(random());
  return picture;
}

double cubic(double x) {
  x = std::abs(x);
  return x < 1 ? 1.5 * x * x * x - 2.5 * x * x + 1 : x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
}

// One target level in floating point, straight from the formula: of `from` levels that begin at `at`, `stride` apart.
double weighted_sum(const Picture& picture, size_t at, size_t stride, int from, int to, int position) {
  const double step = double(from) / to, stretch = std::max(step, 1.0), center = (position + 0.5) * step;
  double sum = 0, weights = 0;
  for (int i = 0; i < from; ++i) {
    // The window begins and ends at whole pixels, the rounded ends of the cubic's reach.
    if (i < int(center - 2 * stretch + 0.5) || i >= int(center + 2 * stretch + 0.5)) continue;
    const double weight = cubic((i + 0.5 - center) / stretch);
    sum += weight * picture.rgb[at + size_t(i) * stride];
    weights += weight;
  }
  return std::clamp(sum / weights, 0.0, 255.0);
}

// How far the levels are from the formula's; rounding alone makes 0.5.
double worst_of_rows(const Picture& picture, const Picture& resized) {
  double worst = 0;
  for (size_t i = 0; i < resized.rgb.size(); ++i) {
    const size_t x = i / 3 % size_t(resized.width), y = i / 3 / size_t(resized.width);
    const double wanted =
        weighted_sum(picture, y * size_t(picture.width) * 3 + i % 3, 3, picture.width, resized.width, int(x));
    worst = std::max(worst, std::abs(resized.rgb[i] - wanted));
  }
  return worst;
}

double worst_of_columns(const Picture& picture, const Picture& resized) {
  const size_t row = size_t(picture.width) * 3;
  double worst = 0;
  for (size_t i = 0; i < resized.rgb.size(); ++i) {
    const double wanted = weighted_sum(picture, i % row, row, picture.height, resized.height, int(i / row));
    worst = std::max(worst, std::abs(resized.rgb[i] - wanted));
  }
  return worst;
}

}  // namespace

TEST_CASE("resize: agrees with the formula in floating point") {
  struct Sizes {
    int from_width, from_height, width, height;
  };
  for (const Sizes& sizes : {Sizes{1, 1, 5, 3},
                             {7, 5, 14, 10},
                             {7, 5, 3, 2},
                             {31, 17, 30, 18},
                             {31, 17, 97, 3},
                             {200, 1, 20, 1},
                             {200, 1, 33, 9},
                             {1, 120, 7, 11},
                             {2, 2, 61, 47},
                             {64, 48, 1, 1},
                             {997, 3, 13, 5},
                             {56, 56, 55, 57}}) {
    INFO(sizes.from_width << " x " << sizes.from_height << " to " << sizes.width << " x " << sizes.height);
    const Picture picture = noise(sizes.from_width, sizes.from_height);
    const Picture rows = resize_bicubic(picture, sizes.width, sizes.from_height);
    const Picture both = resize_bicubic(picture, sizes.width, sizes.height);
    REQUIRE(rows.rgb.size() == size_t(sizes.width) * size_t(sizes.from_height) * 3);
    REQUIRE(both.rgb.size() == size_t(sizes.width) * size_t(sizes.height) * 3);
    CHECK(both.width == sizes.width);
    CHECK(both.height == sizes.height);
    CHECK(worst_of_rows(picture, rows) < 0.51);
    CHECK(worst_of_columns(rows, both) < 0.51);  // rows first, and rounded in between
  }
}

TEST_CASE("resize: the same size changes nothing, and a plain picture stays plain") {
  const Picture picture = noise(23, 19);
  CHECK(resize_bicubic(picture, 23, 19).rgb == picture.rgb);
  for (const uint8_t level : {uint8_t(0), uint8_t(1), uint8_t(254), uint8_t(255)}) {
    const Picture plain{13, 7, std::vector<uint8_t>(13 * 7 * 3, level)};
    CHECK(resize_bicubic(plain, 101, 3).rgb == std::vector<uint8_t>(101 * 3 * 3, level));
  }
}
