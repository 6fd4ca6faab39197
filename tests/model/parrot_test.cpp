// A tiny Parrot against recorded states of the reference implementation.
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/parrot_prompt.h"
#include "frontend/viewer.h"
#include "runtime/plan/upload.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"

using namespace lorikeet;
using nlohmann::json;

namespace {

struct Recorded {
  json about;
  TensorFiles tensors;

  std::vector<float> values(const std::string& name) const {
    const TensorInfo* info = tensors.find(name);
    if (!info) FAIL(name << " is not recorded");
    const auto bytes = tensors.data(*info);
    REQUIRE(bytes);
    std::vector<float> floats(bytes->size() / 4);
    std::memcpy(floats.data(), bytes->data(), bytes->size());
    return floats;
  }
  std::vector<int32_t> text() const {  // the prompt's tokens but the picture
    std::vector<int32_t> ids;
    for (int32_t id : about["input_ids"].get<std::vector<int32_t>>())
      if (id != kPictureToken) ids.push_back(id);
    return ids;
  }
};

Recorded recorded(const std::string& name) {
  const auto folder = *test::shared_golden("parrot");
  auto tensors = open_tensors(folder / (name + ".safetensors"));
  if (!tensors) FAIL(tensors.error().message);
  return {json::parse(std::ifstream(folder / (name + ".json"))), std::move(*tensors)};
}

float worst(const std::vector<float>& got, const std::vector<float>& expected) {
  if (got.size() != expected.size()) return INFINITY;
  float difference = 0;
  for (size_t i = 0; i < got.size(); ++i) difference = std::max(difference, std::abs(got[i] - expected[i]));
  return difference;
}

Model load(Device& device, const std::string& name) {
  auto model = Model::load(device, *test::shared_golden("parrot/" + name));
  if (!model) FAIL(model.error().message);
  return std::move(*model);
}

#define NEED_PARROT(device)                                        \
  Device* device = test::test_device();                            \
  if (!device) LK_SKIP(no_device, test::no_device_reason());       \
  if (!test::shared_golden("parrot")) LK_SKIP(no_shared_goldens, "parrot")

}  // namespace

TEST_CASE("parrot: a picture becomes visual tokens as recorded", "[parrot]") {
  NEED_PARROT(device);
  Model model = load(*device, "model-fp32");
  auto viewer = Viewer::create(model, {});
  if (!viewer) FAIL(viewer.error().message);
  const uint64_t bytes = uint64_t(model.config().picture->visual_tokens()) * model.config().hidden * 4;
  auto target = device->create_buffer({bytes, MemoryUse::device, "visual"});
  REQUIRE(target);
  for (const char* name : {"en_landscape", "zh_portrait_rgba", "pt_gray", "ar_square_jpeg", "tr_wide", "ru_landscape",
                           "two_turn", "own_system"}) {
    INFO(name);
    const Recorded expected = recorded(std::string("cases/") + name);
    const auto routing = viewer->see(expected.values("pixel_values"), expected.text(), {&*target, 0, bytes});
    if (!routing) FAIL(routing.error().message);
    CHECK(worst(routing->attention, expected.values("a")) < 1e-5);
    CHECK(worst(routing->probabilities, expected.values("r")) < 1e-5);
    CHECK(routing->weights == routing->probabilities);
    const auto made = download(*device, {&*target, 0, bytes});
    REQUIRE(made);
    std::vector<float> visual(bytes / 4);
    std::memcpy(visual.data(), made->data(), bytes);
    CHECK(worst(visual, expected.values("moe_out")) < 3e-4);
  }
}
