// A tiny Parrot against recorded states of the reference implementation.
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/convert.h"
#include "frontend/parrot_prompt.h"
#include "frontend/session.h"
#include "frontend/viewer.h"
#include "runtime/plan/upload.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/run_graph.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"

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

Pixels pixels_of(const Recorded& expected) {
  return std::make_shared<const std::vector<float>>(expected.values("pixel_values"));
}

Session session(Model& model, SessionOptions options = {}) {
  auto made = Session::create(model, options);
  if (!made) FAIL(made.error().message);
  return std::move(*made);
}

std::vector<int32_t> greedy(Session& s, const std::vector<int32_t>& prompt, size_t count) {
  std::vector<int32_t> answer;
  if (const Status set = s.set_tokens(0, prompt); !set) FAIL(set.error().message);
  const GenerateRequest request{.max_tokens = uint32_t(count)};
  const auto reasons = s.generate(std::span(&request, 1), [&](uint32_t, int32_t token) {
    answer.push_back(token);
    return true;
  });
  REQUIRE(reasons.ok());
  return answer;
}

// Of the prompt's last position.
std::vector<float> last_logits(Session& s, const std::vector<int32_t>& prompt, size_t vocabulary) {
  std::vector<float> last;
  const Status read = s.logits(0, prompt, [&](int64_t, std::span<const float> values) {
    last.assign(values.end() - std::ptrdiff_t(vocabulary), values.end());
    return Status(Done{});
  });
  if (!read) FAIL(read.error().message);
  return last;
}

// The prompt's last logits and the greedy answer are as recorded.
void check_answer(Model& model, const Recorded& expected, std::vector<Pixels> pictures, SessionOptions options = {}) {
  Session s = session(model, options);
  if (const Status set = s.set_pictures(0, pictures); !set) FAIL(set.error().message);
  const auto prompt = expected.about["input_ids"].get<std::vector<int32_t>>();
  CHECK(worst(last_logits(s, prompt, model.config().vocabulary), expected.values("logits")) < 3e-4);
  const auto answer = expected.about["generated_ids"].get<std::vector<int32_t>>();
  CHECK(greedy(s, prompt, answer.size()) == answer);
  if (const auto router = expected.about.find("router"); router != expected.about.end() && router->is_array()) {
    REQUIRE(s.routings(0).size() >= 1);
    CHECK(worst(s.routings(0)[0].probabilities, router->get<std::vector<float>>()) < 1e-5);
  }
}

Model load(Device& device, const std::string& name) {
  auto model = Model::load(device, *test::shared_golden("parrot/" + name));
  if (!model) FAIL(model.error().message);
  return std::move(*model);
}

// A copy as one GGUF file.
Model load_converted(Device& device, const std::filesystem::path& from, const std::filesystem::path& file, DType type) {
  const auto source = Checkpoint::open(from);
  REQUIRE(source.ok());
  if (const auto report = convert(*source, file, {.type = type}); !report) FAIL(report.error().message);
  auto model = Model::load(device, file);
  if (!model) FAIL(model.error().message);
  return std::move(*model);
}

#define NEED_PARROT(device)                                  \
  Device* device = test::test_device();                      \
  if (!device) LK_SKIP(no_device, test::no_device_reason()); \
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

TEST_CASE("parrot: answers to questions about pictures are as recorded", "[parrot]") {
  NEED_PARROT(device);
  Model model = load(*device, "model-fp32");
  for (const char* name : {"en_landscape", "zh_portrait_rgba", "pt_gray", "ar_square_jpeg", "tr_wide", "ru_landscape",
                           "two_turn", "own_system"}) {
    INFO(name);
    const Recorded expected = recorded(std::string("cases/") + name);
    check_answer(model, expected, {pixels_of(expected)});
  }
  INFO("text_only");
  check_answer(model, recorded("cases/text_only"), {});
}

TEST_CASE("parrot: a checkpoint in bf16 is what its values are in f32", "[parrot]") {
  NEED_PARROT(device);
  Model model = load(*device, "model-bf16");
  for (const char* name : {"en_landscape", "zh_portrait_rgba", "two_turn"}) {
    INFO(name);
    const Recorded expected = recorded(std::string("cases_bf16/") + name);
    const Recorded pixels = recorded(std::string("cases/") + name);
    check_answer(model, expected, {pixels_of(pixels)});
  }
  check_answer(model, recorded("cases_bf16/text_only"), {});
}

TEST_CASE("parrot: one GGUF file with everything answers as the directory does", "[parrot]") {
  NEED_PARROT(device);
  const test::TemporaryFolder folder;
  {
    Model model = load_converted(*device, *test::shared_golden("parrot/model-fp32"), folder / "m.gguf", DType::f32);
    for (const char* name : {"en_landscape", "zh_portrait_rgba", "two_turn"}) {
      INFO(name);
      const Recorded expected = recorded(std::string("cases/") + name);
      check_answer(model, expected, {pixels_of(expected)});
    }
    check_answer(model, recorded("cases/text_only"), {});
  }
  Model model = load_converted(*device, *test::shared_golden("parrot/model-bf16"), folder / "b.gguf", DType::bf16);
  check_answer(model, recorded("cases_bf16/en_landscape"), {pixels_of(recorded("cases/en_landscape"))});
}

TEST_CASE("parrot: quantised, experts stay as they are and logits are as near as the weights", "[parrot]") {
  NEED_PARROT(device);
  struct Case {
    DType type;
    double limit;  // of the logits' error: what rounding the weights costs
  };
  for (const Case& c : {Case{DType::f16, 1e-5}, {DType::q8_0, 2e-3}, {DType::q4_0, 0.2}}) {
    const test::TemporaryFolder folder;
    Model model = load_converted(*device, *test::shared_golden("parrot/model-fp32"), folder / "m.gguf", c.type);
    for (const Weight& weight : model.weights().weights())
      if (is_expert_weight(weight.role)) CHECK(weight.type == c.type);
    Model rounded = load_converted(*device, folder / "m.gguf", folder / "f32.gguf", DType::f32);  // the same values
    for (const char* name : {"en_landscape", "zh_portrait_rgba", "two_turn"}) {
      const Recorded expected = recorded(std::string("cases/") + name);
      const auto logits = [&](Model& of) {
        Session s = session(of);
        REQUIRE(s.set_pictures(0, std::vector<Pixels>{pixels_of(expected)}).ok());
        return last_logits(s, expected.about["input_ids"].get<std::vector<int32_t>>(), of.config().vocabulary);
      };
      const std::vector<float> last = logits(model);
      const double error = test::nmse(last, expected.values("logits")), own = test::nmse(last, logits(rounded));
      INFO(lorikeet::name(c.type) << " " << name << ": nmse " << error << ", " << own << " of it not from the weights");
      CHECK(error < c.limit);
      CHECK(own < 1e-3);
    }
  }
}
