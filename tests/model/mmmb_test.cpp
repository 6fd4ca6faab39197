// A tiny Parrot answers MMMB as recorded from the published evaluation, which reads the pictures from JPEG files of its
// own: recorded answers are compared on their pixels.
#include <cstring>
#include <nlohmann/json.hpp>

#include "frontend/multiple_choice/report.h"
#include "frontend/multiple_choice/runner.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"

namespace lorikeet::test {
namespace {

using namespace multiple_choice;
using nlohmann::json;

constexpr uint32_t kTokens = 16;  // of the recorded answers

template <class T>
T value_of(Result<T> result) {
  INFO((result ? std::string() : result.error().message));
  REQUIRE(result.ok());
  return *std::move(result);
}

std::filesystem::path recorded(const std::string& name) { return *shared_golden("parrot/mmmb") / name; }

Model parrot(Device& device) { return value_of(Model::load(device, *shared_golden("parrot/model-fp32"))); }

Session session(Model& model, uint32_t slots) { return value_of(Session::create(model, {.slots = slots})); }

// A picture file without loss: 24 bits a pixel, rows from the bottom up and padded to 4 bytes, blue first.
std::vector<std::byte> bmp(const std::byte* rgb, uint32_t width, uint32_t height) {
  const uint32_t row = (3 * width + 3) / 4 * 4;
  std::vector<std::byte> file(54 + row * height);
  const auto put = [&](size_t at, uint32_t value) { std::memcpy(file.data() + at, &value, 4); };
  std::memcpy(file.data(), "BM", 2);
  put(2, uint32_t(file.size()));
  put(10, 54);
  put(14, 40);
  put(18, width);
  put(22, height);
  put(26, 1 | 24 << 16);
  for (uint32_t y = 0; y < height; ++y)
    for (uint32_t x = 0; x < width; ++x)
      for (uint32_t c = 0; c < 3; ++c) file[54 + (height - 1 - y) * row + 3 * x + c] = rgb[3 * (y * width + x) + 2 - c];
  return file;
}

DataSet data_set(const std::string& language) {
  return value_of(read_data_set(recorded("mmmb_" + language + ".tsv"), "MMMB_" + language));
}

// With the pictures that the recorded answers are about.
DataSet english() {
  DataSet set = data_set("en");
  const TensorFiles pictures = value_of(open_tensors(recorded("dumped_images/decoded_rgb.safetensors")));
  for (Question& question : set.questions) {
    const TensorInfo* info = pictures.find("MMMB_en/" + std::to_string(question.index) + ".jpg");
    REQUIRE(info);
    const auto rgb = value_of(pictures.data(*info));
    question.picture = std::make_shared<const std::vector<std::byte>>(
        bmp(reinterpret_cast<const std::byte*>(rgb.data()), uint32_t(info->shape[1]), uint32_t(info->shape[0])));
  }
  return set;
}

json recorded_answers() { return json::parse(value_of(read_text(recorded("generated.json")))); }

std::string report(const DataSet& set, const Answers& answers) {
  return report_json(value_of(evaluate(set, answers)), "m").dump();
}

}  // namespace

#define NEED_PARROT(device)                            \
  Device* device = test_device();                      \
  if (!device) LK_SKIP(no_device, no_device_reason()); \
  if (!shared_golden("parrot/mmmb")) LK_SKIP(no_shared_goldens, "parrot/mmmb")

TEST_CASE("mmmb: answers are as recorded, however many questions are answered at once", "[parrot]") {
  NEED_PARROT(device);
  Model model = parrot(*device);
  const DataSet set = english();
  for (const uint32_t slots : {1u, 3u}) {
    INFO(slots);
    Session s = session(model, slots);
    const TemporaryFolder folder;
    AnswerFile answers = value_of(AnswerFile::open(folder / "answers.jsonl", set, "m"));
    const Status done = run(model, s, set, answers, {.max_tokens = kTokens});
    INFO((done ? "" : done.error().message));
    REQUIRE(done.ok());
    for (const json& one : recorded_answers())
      CHECK(answer_text(*model.tokenizer(), one.at("generated_ids").get<std::vector<int32_t>>()) ==
            one.at("answer").get<std::string>());
    std::vector<std::vector<int32_t>> ids;
    for (const json& one : recorded_answers()) {
      if (one.at("dataset") != "MMMB_en") continue;
      CHECK(answers.answers().at(one.at("index")) == one.at("answer").get<std::string>());
      ids.push_back(one.at("generated_ids"));
    }
    REQUIRE(ids.size() == set.questions.size());
    std::vector<const Question*> group;
    for (const Question& question : set.questions)
      if (group.size() < slots) group.push_back(&question);
    ids.resize(slots);
    CHECK(value_of(answer_ids(model, s, group, set.name, kTokens)) == ids);
  }
}

TEST_CASE("mmmb: all languages are answered; a run that was stopped goes on to the same report", "[parrot]") {
  NEED_PARROT(device);
  Model model = parrot(*device);
  Session s = session(model, 3);
  for (const DataSet& set :
       {value_of(read_mmmb(recorded(""))), value_of(read_data_set(recorded("mmbench_dev_en.tsv"), "MMBench_dev_en"))}) {
    INFO(set.name);
    const TemporaryFolder folder;
    AnswerFile whole = value_of(AnswerFile::open(folder / "whole.jsonl", set, "m"));
    REQUIRE(run(model, s, set, whole, {.max_tokens = kTokens}).ok());
    const Evaluation evaluation = value_of(evaluate(set, whole.answers()));
    CHECK(evaluation.answered == set.questions.size());
    CHECK(evaluation.scores.size() == (set.name == "MMMB" ? 6 : 1));
    {
      AnswerFile part = value_of(AnswerFile::open(folder / "part.jsonl", set, "m"));
      const auto stop_after_a_group = [&](size_t answered, size_t of) {
        CHECK(of == set.questions.size());
        if (answered == 3) s.cancel();
      };
      const Status stopped = run(model, s, set, part, {.max_tokens = kTokens, .progress = stop_after_a_group});
      REQUIRE(!stopped);
      CHECK(stopped.error().code == ErrorCode::cancelled);
    }
    AnswerFile part = value_of(AnswerFile::open(folder / "part.jsonl", set, "m"));
    CHECK(part.answers().size() == 3);
    std::vector<size_t> seen;
    const auto note = [&](size_t answered, size_t) { seen.push_back(answered); };
    REQUIRE(run(model, s, set, part, {.max_tokens = kTokens, .progress = note}).ok());
    CHECK(seen.front() == 3);
    CHECK(seen.back() == set.questions.size());
    CHECK(report(set, part.answers()) == report(set, whole.answers()));
    CHECK(value_of(read_text(folder / "part.jsonl")) == value_of(read_text(folder / "whole.jsonl")));
  }
}

TEST_CASE("mmmb: a broken picture is a sentence that names its question; what was answered stays", "[parrot]") {
  NEED_PARROT(device);
  Model model = parrot(*device);
  Session s = session(model, 2);
  DataSet set = data_set("en");
  auto broken = *set.questions[3].picture;
  broken.resize(broken.size() / 2);
  set.questions[3].picture = std::make_shared<const std::vector<std::byte>>(broken);
  const TemporaryFolder folder;
  {
    AnswerFile answers = value_of(AnswerFile::open(folder / "answers.jsonl", set, "m"));
    const Status failed = run(model, s, set, answers, {.max_tokens = kTokens});
    REQUIRE(!failed);
    CHECK(failed.error().code == ErrorCode::corrupt);
    CHECK(failed.error().message.starts_with("[mmmb] MMMB_en question 3: [image] picture: the picture is "));
  }
  CHECK(value_of(AnswerFile::open(folder / "answers.jsonl", set, "m")).answers().size() == 2);
}

TEST_CASE("mmmb: a prompt that is too long is a sentence that names its question", "[parrot]") {
  NEED_PARROT(device);
  Model model = parrot(*device);
  Session s = value_of(Session::create(model, {.context = 64}));
  const DataSet set = data_set("en");
  const TemporaryFolder folder;
  AnswerFile answers = value_of(AnswerFile::open(folder / "answers.jsonl", set, "m"));
  const Status failed = run(model, s, set, answers, {});
  REQUIRE(!failed);
  CHECK(failed.error().message.starts_with("[mmmb] MMMB_en question 0: the text has "));
}

TEST_CASE("mmmb: a model for text alone is refused") {
  NEED_PARROT(device);
  Model model = value_of(Model::load(*device, write_tiny_model("lorikeet-tiny-blind")));
  Session s = session(model, 1);
  const DataSet set = data_set("en");
  const TemporaryFolder folder;
  AnswerFile answers = value_of(AnswerFile::open(folder / "answers.jsonl", set, "m"));
  const Status failed = run(model, s, set, answers, {});
  REQUIRE(!failed);
  CHECK(failed.error().code == ErrorCode::unsupported);
  CHECK(failed.error().message.find("which reads text alone.") != std::string::npos);
}

}  // namespace lorikeet::test
