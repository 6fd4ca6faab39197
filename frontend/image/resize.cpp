#include "frontend/image/resize.h"

#include <algorithm>
#include <cmath>

namespace lorikeet {
namespace {

constexpr double kReach = 2;               // of the cubic, in pixels of the coarser of the two grids
constexpr int kFractionBits = 32 - 8 - 2;  // weights in fixed point: a sum of weighted bytes fits 32 bits
constexpr int32_t kHalf = 1 << (kFractionBits - 1);

// Keys' cubic convolution with a = -0.5.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// The source positions that one target position is a weighted sum of.
struct Window {
  int first = 0;
  std::vector<int32_t> weights;  // fixed point
};

// Of each of `to` positions over a row of `from`.
std::vector<Window> windows(int from, int to) {
  const double step = double(from) / to;
  const double stretch = std::max(step, 1.0);  // shrinking widens the cubic, so that no source position is lost
  std::vector<Window> result(static_cast<size_t>(to));
  std::vector<double> weights;
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * step;
    const int first = std::max(int(center - kReach * stretch + 0.5), 0);
    const int end = std::min(int(center + kReach * stretch + 0.5), from);
    weights.clear();
    double sum = 0;
    for (int j = first; j < end; ++j) {
      weights.push_back(cubic((j - center + 0.5) * (1 / stretch)));
      sum += weights.back();
    }
    Window& window = result[size_t(i)];
    window.first = first;
    for (const double weight : weights) {
      const double scaled = weight / sum * (1 << kFractionBits);
      window.weights.push_back(int32_t(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
  }
  return result;
}

uint8_t rounded(int32_t sum) { return uint8_t(std::clamp(sum >> kFractionBits, 0, 255)); }

Picture resize_rows(const Picture& picture, int width) {
  Picture result{width, picture.height, {}};
  result.rgb.reserve(size_t(width) * size_t(picture.height) * 3);
  const std::vector<Window> columns = windows(picture.width, width);
  for (int y = 0; y < picture.height; ++y) {
    const uint8_t* row = picture.rgb.data() + size_t(y) * size_t(picture.width) * 3;
    for (const Window& window : columns) {
      int32_t red = kHalf, green = kHalf, blue = kHalf;
      const uint8_t* pixel = row + size_t(window.first) * 3;
      for (const int32_t weight : window.weights) {
        red += weight * pixel[0];
        green += weight * pixel[1];
        blue += weight * pixel[2];
        pixel += 3;
      }
      for (const int32_t sum : {red, green, blue}) result.rgb.push_back(rounded(sum));
    }
  }
  return result;
}

Picture resize_columns(const Picture& picture, int height) {
  Picture result{picture.width, height, {}};
  const size_t row_bytes = size_t(picture.width) * 3;
  result.rgb.reserve(row_bytes * size_t(height));
  std::vector<int32_t> sums(row_bytes);
  for (const Window& window : windows(picture.height, height)) {
    std::fill(sums.begin(), sums.end(), kHalf);
    const uint8_t* row = picture.rgb.data() + size_t(window.first) * row_bytes;
    for (const int32_t weight : window.weights) {
      for (size_t i = 0; i < row_bytes; ++i) sums[i] += weight * row[i];
      row += row_bytes;
    }
    for (const int32_t sum : sums) result.rgb.push_back(rounded(sum));
  }
  return result;
}

}  // namespace

// Both passes round to bytes, so their order matters.
Picture resize_bicubic(const Picture& picture, int width, int height) {
  return resize_columns(resize_rows(picture, width), height);
}

}  // namespace lorikeet
