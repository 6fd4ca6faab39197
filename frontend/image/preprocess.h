// From a picture to the numbers that a vision tower reads, as transformers' CLIPImageProcessor computes them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/image/picture.h"
#include "runtime/base/result.h"

namespace lorikeet {

// The steps in their order. What preprocessor_config.json leaves out is as here.
struct PreprocessConfig {
  AlphaPolicy alpha =
      AlphaPolicy::drop;       // for whoever opens the picture; `alpha_policy` in that file, which only Lorikeet knows
  bool pad_to_square = false;  // with the mean colour; not in that file but image_aspect_ratio "pad" of config.json
  bool resize = true;          // bicubic, as large as it must be for the shorter side to be:
  int shortest_edge = 224;
  bool center_crop = true;  // with black where the picture is smaller
  int crop_height = 224, crop_width = 224;
  bool rescale = true;
  double rescale_factor = 1.0 / 255;
  bool normalize = true;
  std::array<double, 3> mean = {0.48145466, 0.4578275, 0.40821073};  // of red, green, blue, between 0 and 1
  std::array<double, 3> deviation = {0.26862954, 0.26130258, 0.27577711};
};

// From the text of preprocessor_config.json; `file` begins the messages. Sizes are numbers or dictionaries.
// Errors: corrupt, or unsupported (another resampling, another processor).
Result<PreprocessConfig> parse_preprocess_config(std::string_view text, const std::string& file);

// The steps on 8-bit pictures: pad, resize, crop. Errors: unsupported, when a step would make a gigantic picture.
Result<Picture> fit_picture(const Picture& picture, const PreprocessConfig& config);

// These, then rescale and normalise. With the crop, height and width are those of the crop, otherwise fit_picture's.
Result<std::vector<float>> pixel_values(const Picture& picture, const PreprocessConfig& config);  // (3, height, width)

}  // namespace lorikeet
