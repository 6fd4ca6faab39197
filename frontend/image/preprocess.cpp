#include "frontend/image/preprocess.h"

#include <algorithm>

#include "frontend/image/resize.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint64_t kMaximumPixels = 400'000'000;  // of a picture between two steps: a square of 20,000

Status refuse_gigantic(const Picture& picture, const char* step, uint64_t width, uint64_t height) {
  if (height <= kMaximumPixels / width) return Done{};
  return unsupported(join("[image] ", step, " would make a picture of ", picture.width, " x ", picture.height,
                          " pixels ", width, " x ", height, " large; at most ", kMaximumPixels,
                          " pixels in all are supported."));
}

// The part of `picture` that begins at (left, top), which may lie outside, on a ground of `fill`.
Picture window_of(const Picture& picture, Picture window, int left, int top, std::array<uint8_t, 3> fill) {
  window.rgb.reserve(size_t(window.width) * size_t(window.height) * 3);
  for (int y = top; y < top + window.height; ++y) {
    for (int x = left; x < left + window.width; ++x) {
      const bool inside = x >= 0 && x < picture.width && y >= 0 && y < picture.height;
      const uint8_t* pixel = inside ? &picture.rgb[(size_t(y) * size_t(picture.width) + size_t(x)) * 3] : fill.data();
      window.rgb.insert(window.rgb.end(), pixel, pixel + 3);
    }
  }
  return window;
}

// Half of a difference, rounded down also below zero, as both the padding and the crop have it.
int half(int difference) { return difference >> 1; }

Result<Picture> padded_to_square(const Picture& picture, const std::array<double, 3>& mean) {
  const int side = std::max(picture.width, picture.height);
  LK_TRY(refuse_gigantic(picture, "padding to a square", uint64_t(side), uint64_t(side)));
  std::array<uint8_t, 3> fill;
  for (size_t channel = 0; channel < 3; ++channel) fill[channel] = uint8_t(std::clamp(mean[channel] * 255, 0.0, 255.0));
  return window_of(picture, {side, side, {}}, -half(side - picture.width), -half(side - picture.height), fill);
}

Result<Picture> resized(const Picture& picture, int shortest_edge) {
  const bool wide = picture.width > picture.height;
  const uint64_t shorter = uint64_t(std::min(picture.width, picture.height));
  const uint64_t longer = uint64_t(std::max(picture.width, picture.height));
  const uint64_t edge = uint64_t(shortest_edge), long_edge = edge * longer / shorter;
  LK_TRY(refuse_gigantic(picture, "resizing", wide ? long_edge : edge, wide ? edge : long_edge));
  return resize_bicubic(picture, int(wide ? long_edge : edge), int(wide ? edge : long_edge));
}

Result<Picture> cropped(const Picture& picture, int height, int width) {
  LK_TRY(refuse_gigantic(picture, "cropping", uint64_t(width), uint64_t(height)));
  return window_of(picture, {width, height, {}}, half(picture.width - width), half(picture.height - height), {});
}

}  // namespace

Result<Picture> fit_picture(const Picture& picture, const PreprocessConfig& config) {
  if (picture.width < 1 || picture.height < 1) return invalid("[image] the picture has no pixels; one was expected.");
  Picture fitted = picture;
  if (config.pad_to_square) {
    LK_ASSIGN(fitted, padded_to_square(fitted, config.mean));
  }
  if (config.resize) {
    LK_ASSIGN(fitted, resized(fitted, config.shortest_edge));
  }
  if (config.center_crop) {
    LK_ASSIGN(fitted, cropped(fitted, config.crop_height, config.crop_width));
  }
  return fitted;
}

Result<std::vector<float>> pixel_values(const Picture& picture, const PreprocessConfig& config) {
  LK_ASSIGN(const Picture fitted, fit_picture(picture, config));
  std::vector<float> values;
  values.reserve(fitted.rgb.size());
  for (size_t channel = 0; channel < 3; ++channel) {
    // Products are double and rounded to float, differences and quotients float: so the last bit agrees.
    std::array<float, 256> level;
    for (size_t i = 0; i < level.size(); ++i) {
      level[i] = config.rescale ? float(double(i) * config.rescale_factor) : float(i);
      if (config.normalize) level[i] = (level[i] - float(config.mean[channel])) / float(config.deviation[channel]);
    }
    for (size_t i = channel; i < fitted.rgb.size(); i += 3) values.push_back(level[fitted.rgb[i]]);
  }
  return values;
}

}  // namespace lorikeet
