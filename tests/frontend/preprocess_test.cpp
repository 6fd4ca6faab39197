#include "frontend/image/preprocess.h"

#include <cmath>
#include <cstring>

#include "frontend/checkpoint/checkpoint.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"

using namespace lorikeet;

namespace {

// The two spellings of one configuration.
constexpr const char* kNumbers =
    R"({"crop_size":56,"do_center_crop":true,"do_normalize":true,"do_resize":true,"feature_extractor_type":"CLIPFeatureExtractor","image_mean":[0.48145466,0.4578275,0.40821073],"image_std":[0.26862954,0.26130258,0.27577711],"resample":3,"size":56})";
constexpr const char* kDictionaries =
    R"({"crop_size":{"height":56,"width":56},"do_center_crop":true,"do_convert_rgb":true,"do_normalize":true,"do_rescale":true,"do_resize":true,"image_mean":[0.48145466,0.4578275,0.40821073],"image_processor_type":"CLIPImageProcessor","image_std":[0.26862954,0.26130258,0.27577711],"resample":3,"rescale_factor":0.00392156862745098,"size":{"shortest_edge":56}})";

PreprocessConfig config_of(const std::string& text) {
  const auto config = parse_preprocess_config(text, "preprocessor_config.json");
  INFO((config ? "" : config.error().message));
  REQUIRE(config.ok());
  return *config;
}

std::string error_of(const std::string& text) {
  const auto config = parse_preprocess_config(text, "preprocessor_config.json");
  REQUIRE_FALSE(config.ok());
  CHECK(config.error().message.starts_with("[image] preprocessor_config.json"));
  return config.error().message;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// Every level says where it lies: red the column, green the row.
Picture ramp(int width, int height) {
  Picture picture{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) picture.rgb.insert(picture.rgb.end(), {uint8_t(x + 1), uint8_t(y + 1), 9});
  return picture;
}

PreprocessConfig only_crop(int height, int width) {
  PreprocessConfig config;
  config.resize = false;
  config.crop_height = height;
  config.crop_width = width;
  return config;
}

std::vector<int> channel(const Picture& picture, size_t which) {
  std::vector<int> levels;
  for (size_t i = which; i < picture.rgb.size(); i += 3) levels.push_back(picture.rgb[i]);
  return levels;
}

}  // namespace

TEST_CASE("preprocess: the reference's pixel values, from what it decoded") {
  const auto folder = test::golden("parrot/pictures");
  const auto decoded = open_tensors(folder / "decoded_rgb.safetensors");
  const auto reference = open_tensors(folder / "pixel_values.safetensors");
  REQUIRE(decoded.ok());
  REQUIRE(reference.ok());
  for (const char* text : {kNumbers, kDictionaries}) {
    PreprocessConfig config = config_of(text);
    config.pad_to_square = true;
    for (const TensorInfo& tensor : reference->tensors()) {
      INFO(tensor.name);
      const TensorInfo* source = decoded->find(tensor.name);
      REQUIRE(source);
      const Bytes rgb = decoded->data(*source).value(), bytes = reference->data(tensor).value();
      Picture picture{int(source->shape[1]), int(source->shape[0]), std::vector<uint8_t>(rgb.size())};
      std::memcpy(picture.rgb.data(), rgb.data(), rgb.size());
      std::vector<float> wanted(bytes.size() / sizeof(float));
      std::memcpy(wanted.data(), bytes.data(), bytes.size());
      const auto given = pixel_values(picture, config);
      REQUIRE(given.ok());
      CHECK(*given == wanted);  // every bit
    }
  }
}

TEST_CASE("preprocess: from the files, the decoder's levels are all that differs") {
  const auto folder = test::golden("parrot/pictures");
  const auto reference = open_tensors(folder / "pixel_values.safetensors");
  REQUIRE(reference.ok());
  PreprocessConfig config = config_of(kNumbers);
  config.pad_to_square = true;
  for (const TensorInfo& tensor : reference->tensors()) {
    INFO(tensor.name);
    const auto picture = read_picture(folder / tensor.name);
    REQUIRE(picture.ok());
    const auto given = pixel_values(*picture, config);
    REQUIRE(given.ok());
    const Bytes bytes = reference->data(tensor).value();
    REQUIRE(bytes.size() == given->size() * sizeof(float));
    const double tolerance = tensor.name.ends_with(".jpg") ? 0.031 : 0;  // two levels
    double worst = 0;
    for (size_t i = 0; i < given->size(); ++i)
      worst = std::max(worst, std::abs(double(load<float>(bytes.data() + i * sizeof(float))) - (*given)[i]));
    CHECK(worst <= tolerance);
  }
}

TEST_CASE("preprocess: a picture is padded to a square with the mean colour") {
  PreprocessConfig config;
  config.pad_to_square = true;
  config.resize = config.center_crop = false;
  const auto wide = fit_picture(ramp(3, 2), config), tall = fit_picture(ramp(1, 4), config);
  REQUIRE(wide.ok());
  REQUIRE(tall.ok());
  CHECK(channel(*wide, 0) == std::vector<int>{1, 2, 3, 1, 2, 3, 122, 122, 122});  // the odd row is below
  CHECK(channel(*wide, 1) == std::vector<int>{1, 1, 1, 2, 2, 2, 116, 116, 116});
  CHECK(channel(*wide, 2) == std::vector<int>{9, 9, 9, 9, 9, 9, 104, 104, 104});
  CHECK(channel(*tall, 1) == std::vector<int>{116, 1, 116, 116, 116, 2, 116, 116, 116, 3, 116, 116, 116, 4, 116, 116});
}

TEST_CASE("preprocess: the crop is centred, and black where the picture is smaller") {
  CHECK(channel(*fit_picture(ramp(5, 4), only_crop(2, 2)), 0) == std::vector<int>{2, 3, 2, 3});
  CHECK(channel(*fit_picture(ramp(5, 4), only_crop(2, 2)), 1) == std::vector<int>{2, 2, 3, 3});
  CHECK(channel(*fit_picture(ramp(2, 1), only_crop(1, 5)), 0) == std::vector<int>{0, 0, 1, 2, 0});
  CHECK(channel(*fit_picture(ramp(1, 2), only_crop(5, 1)), 1) == std::vector<int>{0, 0, 1, 2, 0});
  CHECK(channel(*fit_picture(ramp(4, 1), only_crop(2, 3)), 0) == std::vector<int>{0, 0, 0, 1, 2, 3});
}

TEST_CASE("preprocess: the shorter side becomes the edge, the longer one is cut off below") {
  PreprocessConfig config;
  config.center_crop = false;
  config.shortest_edge = 10;
  const auto wide = fit_picture(ramp(8, 3), config), tall = fit_picture(ramp(3, 11), config);
  CHECK(wide->width == 26);
  CHECK(wide->height == 10);
  CHECK(tall->width == 10);
  CHECK(tall->height == 36);
}

TEST_CASE("preprocess: each step can be left out") {
  PreprocessConfig config =
      config_of(R"({"do_resize":false,"do_center_crop":false,"do_rescale":false,"do_normalize":false})");
  CHECK(*pixel_values(ramp(2, 1), config) == std::vector<float>{1, 2, 1, 1, 9, 9});
  config.rescale = true;
  config.rescale_factor = 0.5;
  CHECK(*pixel_values(ramp(2, 1), config) == std::vector<float>{0.5, 1, 0.5, 0.5, 4.5, 4.5});
  config.normalize = true;
  config.mean = {0.5, 0, 0};
  config.deviation = {2, 1, 4.5};
  CHECK(*pixel_values(ramp(2, 1), config) == std::vector<float>{0, 0.25, 0.5, 0.5, 1, 1});
}

TEST_CASE("preprocess: gigantic pictures between the steps are refused") {
  PreprocessConfig config;
  const Picture thin{100000, 1, std::vector<uint8_t>(300000)};
  const auto resized = fit_picture(thin, config);
  REQUIRE_FALSE(resized.ok());
  CHECK(contains(resized.error().message, "[image] resizing would make a picture of 100000 x 1 pixels 22400000 x 224"));
  config.pad_to_square = true;
  const auto padded = fit_picture(thin, config);
  REQUIRE_FALSE(padded.ok());
  CHECK(contains(padded.error().message, "100000 x 100000 large; at most 400000000"));
  CHECK(contains(fit_picture({}, config).error().message, "no pixels"));
}

TEST_CASE("preprocess: keys that are missing have CLIP's values") {
  const PreprocessConfig config = config_of(R"({"size":null,"do_resize":null})");
  CHECK(config.shortest_edge == 224);
  CHECK(config.crop_height == 224);
  CHECK(config.crop_width == 224);
  CHECK(config.resize);
  CHECK_FALSE(config.pad_to_square);
  CHECK(config.alpha == AlphaPolicy::drop);
  CHECK(config_of(R"({"alpha_policy":"blend"})").alpha == AlphaPolicy::blend);
  CHECK(config_of(R"({"crop_size":{"height":3,"width":4}})").crop_height == 3);
  CHECK(config_of(R"({"crop_size":{"height":3,"width":4}})").crop_width == 4);
}

TEST_CASE("preprocess: bad configurations give one sentence") {
  CHECK(contains(error_of("{"), "not valid JSON"));
  CHECK(contains(error_of(R"({"size":0})"), "size must be a number of pixels between 1 and 16384"));
  CHECK(contains(error_of(R"({"size":{"height":3,"width":4}})"), "a dictionary with such a shortest_edge"));
  CHECK(contains(error_of(R"({"crop_size":{"height":3}})"), "a dictionary with such a width"));
  CHECK(contains(error_of(R"({"crop_size":1e3})"), "crop_size must be"));
  CHECK(contains(error_of(R"({"resample":2})"), "resample is 2; 3 (bicubic) is supported"));
  CHECK(contains(error_of(R"({"image_processor_type":"ViTImageProcessor"})"), "ViTImageProcessor"));
  CHECK(contains(error_of(R"({"do_resize":1})"), "do_resize must be true or false"));
  CHECK(contains(error_of(R"({"rescale_factor":"x"})"), "rescale_factor must be a number"));
  CHECK(contains(error_of(R"({"image_mean":[1,2]})"), "image_mean must be three numbers"));
  CHECK(contains(error_of(R"({"image_std":[1,0,1]})"), "image_std must not be 0"));
  CHECK(contains(error_of(R"({"alpha_policy":"melt"})"), "alpha_policy must be \"drop\" or \"blend\"."));
  CHECK(contains(error_of(R"({"alpha_policy":1})"), "alpha_policy must be"));
}
