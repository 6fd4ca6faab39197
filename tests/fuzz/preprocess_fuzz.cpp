// Mutated preprocessor_config.json texts.
#include "frontend/image/preprocess.h"
#include "tests/support/fuzz.h"

using namespace lorikeet;

int main() {
  const std::vector<std::string> seeds = {
      R"({"crop_size":56,"do_center_crop":true,"do_normalize":true,"do_resize":true,"feature_extractor_type":"CLIPFeatureExtractor","image_mean":[0.48145466,0.4578275,0.40821073],"image_std":[0.26862954,0.26130258,0.27577711],"resample":3,"size":56})",
      R"({"crop_size":{"height":56,"width":56},"do_rescale":true,"image_processor_type":"CLIPImageProcessor","rescale_factor":0.00392156862745098,"size":{"shortest_edge":56}})",
  };
  const Picture picture{2, 1, {1, 2, 3, 4, 5, 6}};
  return test::fuzz("preprocess", seeds, [&](std::span<const std::byte> bytes) {
    auto config = parse_preprocess_config({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "fuzzed");
    if (!config) return;
    config->resize = config->center_crop = false;  // sizes up to 16,384 take their time
    (void)pixel_values(picture, *config);
  });
}
