// A tiny Parrot against recorded states of the reference implementation.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/convert.h"
#include "frontend/parrot_prompt.h"
#include "frontend/session.h"
#include "frontend/viewer.h"
#include "runtime/base/text.h"
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

TEST_CASE("parrot: variants of the configuration are followed", "[parrot]") {
  NEED_PARROT(device);
  const auto folder = *test::shared_golden("parrot");
  const std::pair<const char*, const char*> variants[] = {{"use_moe_false", "zh_portrait_rgba"},
                                                          {"use_moe_residual_false", "pt_gray"},
                                                          {"moe_keys_absent", "ar_square_jpeg"},
                                                          {"truncate", "en_landscape"}};
  for (const auto& [variant, name] : variants) {
    INFO(variant);
    const test::TemporaryFolder place;
    std::filesystem::copy(folder / "model-fp32", place / "model");
    std::filesystem::copy(folder / "openai", place / "openai", std::filesystem::copy_options::recursive);
    std::filesystem::copy_file(folder / "variants" / variant / "config.json", place / "model/config.json",
                               std::filesystem::copy_options::overwrite_existing);
    auto model = Model::load(*device, place / "model");
    if (!model) FAIL(model.error().message);
    const Recorded expected = recorded(join("variants/", variant, "/", name));
    check_answer(*model, expected, {pixels_of(expected)});
  }
}

TEST_CASE("parrot: a second picture is refused, zeros as published, or routed like the first", "[parrot]") {
  NEED_PARROT(device);
  Model model = load(*device, "model-fp32");
  const Recorded expected = recorded("variants/two_images/two_images");
  const std::vector<float> both = expected.values("pixel_values");
  const auto half = both.begin() + long(both.size() / 2);
  const std::vector<Pixels> pictures = {std::make_shared<const std::vector<float>>(both.begin(), half),
                                        std::make_shared<const std::vector<float>>(half, both.end())};
  check_answer(model, expected, pictures, {.multi_image = MultiImage::zeros});

  const auto prompt = expected.about["input_ids"].get<std::vector<int32_t>>();
  Session one = session(model);
  REQUIRE(one.set_pictures(0, pictures).ok());
  const Status refused = one.set_tokens(0, prompt);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("--multi-image") != std::string::npos);
  REQUIRE(one.set_pictures(0, {pictures[0]}).ok());
  CHECK(one.set_tokens(0, prompt).error().message == "the prompt has places for 2 pictures, 1 was given.");

  REQUIRE(one.set_pictures(0, {}).ok());
  const auto single = recorded("cases/en_landscape").about["input_ids"].get<std::vector<int32_t>>();
  CHECK(one.set_tokens(0, single).error().message == "the prompt has places for 1 picture, 0 were given.");
  CHECK(session(model, {.multi_image = MultiImage::each}).set_pictures(0, pictures).error().message ==
        "a conversation of this session has 1 picture at most, 2 were given.");

  Session each = session(model, {.multi_image = MultiImage::each, .pictures = 2});
  REQUIRE(each.set_pictures(0, pictures).ok());
  REQUIRE(each.set_tokens(0, prompt).ok());
  REQUIRE(each.routings(0).size() == 2);
  CHECK(each.routings(0)[0].probabilities != each.routings(0)[1].probabilities);
}

TEST_CASE("parrot: the next question about a picture runs no vision; policies skip experts", "[parrot]") {
  NEED_PARROT(device);
  Model model = load(*device, "model-fp32");
  const Recorded en = recorded("cases/en_landscape"), ru = recorded("cases/ru_landscape");
  const auto prompt = en.about["input_ids"].get<std::vector<int32_t>>();
  Session s = session(model, {.routing = {.top_k = 2}});
  REQUIRE(s.set_pictures(0, {pixels_of(en)}).ok());
  REQUIRE(s.set_tokens(0, prompt).ok());
  CHECK_FALSE(s.routings(0)[0].reused);
  CHECK(std::count(s.routings(0)[0].weights.begin(), s.routings(0)[0].weights.end(), 0.0f) == 4);
  CHECK(std::count(s.routings(0)[0].expert_ms.begin(), s.routings(0)[0].expert_ms.end(), 0.0) == 4);
  CHECK(std::count(s.routings(0)[0].expert_ms.begin(), s.routings(0)[0].expert_ms.end(),
                   s.routings(0)[0].experts_ms / 2) == 2);
  REQUIRE(s.set_tokens(0, ru.about["input_ids"].get<std::vector<int32_t>>()).ok());
  CHECK(s.routings(0)[0].reused);
  CHECK(worst(s.routings(0)[0].probabilities, ru.values("r")) < 1e-5);
}

TEST_CASE("parrot: a policy that does not fit the experts is refused before there is a picture", "[parrot]") {
  NEED_PARROT(device);
  Model model = load(*device, "model-fp32");
  const std::string sentence =
      "the expert policy does not fit the model: [route] top_k is 9, expected 0 to 6 (the number of experts).";
  const SessionOptions options{.routing = {.top_k = 9}};
  const auto made = Session::create(model, options);
  REQUIRE_FALSE(made.ok());
  CHECK(made.error().code == ErrorCode::invalid_argument);
  CHECK(made.error().message == sentence);
  const auto memory = Session::memory(model, options);
  REQUIRE_FALSE(memory.ok());
  CHECK(memory.error().message == sentence);
  CHECK_FALSE(Session::create(model, {.routing = {.top_p = 1.5}}).ok());
  CHECK(Session::create(model, {.routing = {.top_k = 6}}).ok());
}

TEST_CASE("parrot: several conversations about pictures at once, and a lost device, change nothing", "[parrot]") {
  NEED_PARROT(device);
  const char* const names[] = {"en_landscape", "ru_landscape", "tr_wide"};
  uint64_t loading = 0;  // submissions of it
  const auto answers_of = [&](Device& on) {
    auto model = Model::load(on, *test::shared_golden("parrot/model-fp32"));
    if (!model) FAIL(model.error().message);
    loading = on.submissions();
    Session s = session(*model, {.slots = 3});
    std::vector<GenerateRequest> requests;
    for (uint32_t slot = 0; slot < 3; ++slot) {
      const Recorded expected = recorded(std::string("cases/") + names[slot]);
      REQUIRE(s.set_pictures(slot, {pixels_of(expected)}).ok());
      if (const Status set = s.set_tokens(slot, expected.about["input_ids"].get<std::vector<int32_t>>()); !set)
        FAIL(set.error().message);
      requests.push_back({.slot = slot, .max_tokens = uint32_t(expected.about["generated_ids"].size())});
    }
    std::vector<std::vector<int32_t>> answers(3);
    const auto reasons = s.generate(requests, [&](uint32_t slot, int32_t token) {
      answers[slot].push_back(token);
      return true;
    });
    if (!reasons) FAIL(reasons.error().message);
    return answers;
  };
  std::vector<std::vector<int32_t>> expected;
  for (const char* name : names)
    expected.push_back(recorded(std::string("cases/") + name).about["generated_ids"].get<std::vector<int32_t>>());
  auto whole = test::open_device(test::device_options());
  if (!whole) FAIL(whole.error().message);
  CHECK(answers_of(*whole) == expected);
  const uint64_t first = loading + 1, last = whole->submissions();
  for (uint64_t fault : {first + 5, (first + last) / 2, last - 3}) {
    Options options = test::device_options();
    options.fault = "submit:" + std::to_string(fault);
    auto faulty = test::open_device(options);
    if (!faulty) FAIL(faulty.error().message);
    INFO("submission " << fault << " is lost");
    CHECK(answers_of(*faulty) == expected);
  }
}

TEST_CASE("a model for text alone sees no pictures", "[parrot]") {
  NEED_PARROT(device);
  const test::TemporaryFolder place;
  std::filesystem::copy(*test::shared_golden("parrot") / "model-fp32", place / "model");
  std::ifstream in(place / "model/config.json");
  json config = json::parse(in);
  config["model_type"] = "qwen2";
  std::ofstream(place / "model/config.json") << config;
  auto model = Model::load(*device, place / "model");
  if (!model) FAIL(model.error().message);
  Session s = session(*model);
  const Status set = s.set_pictures(0, {pixels_of(recorded("cases/en_landscape"))});
  REQUIRE_FALSE(set.ok());
  CHECK(set.error().message.find("is a model for text alone: it cannot see pictures.") != std::string::npos);
}

TEST_CASE("a picture model without its vision tower says what is missing", "[parrot]") {
  NEED_PARROT(device);
  const test::TemporaryFolder place;
  std::filesystem::copy(*test::shared_golden("parrot") / "model-fp32", place / "model");
  const auto model = Model::open(*device, place / "model");
  REQUIRE_FALSE(model.ok());
  CHECK(model.error().message.find("the configuration of the vision tower \"openai/clip-vit-tiny-patch14-56\" was not "
                                   "found; give its folder with --vision.") != std::string::npos);
  // Given by hand it is found, also where the configuration names none.
  std::ifstream in(place / "model/config.json");
  json config = json::parse(in);
  config.erase("mm_vision_tower");
  std::ofstream(place / "model/config.json") << config;
  const auto tower = *test::shared_golden("parrot") / "openai/clip-vit-tiny-patch14-56";
  CHECK(Model::open(*device, place / "model", {.vision = tower}).ok());
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
