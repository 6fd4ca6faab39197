// The tasks on a small model: what many questions at once give is what each alone gives, and with an adapter what the
// reference implementation gave.
#include "frontend/tasks/runner.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/tiny_model.h"

namespace lorikeet::test {
namespace {

using namespace tasks;
using nlohmann::json;

template <class T>
T value_of(Result<T> result) {
  INFO((result ? std::string() : result.error().message));
  REQUIRE(result.ok());
  return *std::move(result);
}

std::vector<QuestionSet> recorded_sets() {
  const json recorded = json::parse(value_of(read_text(golden("dynmole/eval.json"))));
  std::vector<QuestionSet> sets;
  for (const Task& task : all_tasks()) {
    json items = json::array();
    for (const json& item : recorded.at(std::string(task.name)).at("items")) items.push_back(item.at("item"));
    sets.push_back(value_of(parse_questions(task, items.dump(), std::string(task.name))));
  }
  return sets;
}

// Of the last position of a text.
std::vector<float> last_logits(Model& model, Session& session, const std::vector<int32_t>& tokens) {
  std::vector<float> last;
  const Status status = session.logits(0, tokens, [&](int64_t, std::span<const float> values) -> Status {
    last.assign(values.end() - ptrdiff_t(model.config().vocabulary), values.end());
    return Done{};
  });
  REQUIRE(status.ok());
  return last;
}

}  // namespace

#define NEED_BASE(device)                              \
  Device* device = test_device();                      \
  if (!device) LK_SKIP(no_device, no_device_reason()); \
  if (!shared_golden("dynmole/base")) LK_SKIP(no_shared_goldens, "dynmole/base")

TEST_CASE("tasks: questions asked at once have the logits of each asked alone") {
  NEED_BASE(device);
  Model model = value_of(Model::load(*device, *shared_golden("dynmole/base")));
  Session one = value_of(Session::create(model, {}));
  for (const uint32_t slots : {1u, 2u, 8u}) {
    INFO(slots);
    Session session = value_of(Session::create(model, {.slots = slots}));
    for (const QuestionSet& set : recorded_sets()) {
      INFO(set.task);
      std::vector<size_t> seen;
      const auto note = [&](size_t answered, size_t of) {
        CHECK(of == 3);
        seen.push_back(answered);
      };
      const TaskResult result = value_of(run(model, session, set, {.progress = note}));
      CHECK(seen.front() == 0);
      CHECK(seen.back() == 3);
      CHECK(seen.size() == (slots == 1 ? 4 : slots == 2 ? 3 : 2));
      REQUIRE(result.predictions.size() == 3);
      size_t right = 0;
      for (size_t i = 0; i < 3; ++i) {
        const ScoredPrompt prompt = value_of(scored_prompt(*model.tokenizer(), set.questions[i], 512));
        const std::vector<float> logits = last_logits(model, one, prompt.tokens);
        const Prediction& prediction = result.predictions[i];
        REQUIRE(prediction.label_logits.size() == prompt.labels.size());
        for (size_t label = 0; label < prompt.labels.size(); ++label)
          CHECK(std::abs(prediction.label_logits[label] - logits[size_t(prompt.labels[label])]) < 2e-4f);
        CHECK(prediction.answer == predicted(prompt.labels, logits));
        right += prediction.answer == set.questions[i].right;
      }
      CHECK(result.accuracy.right == right);
      CHECK(result.accuracy.of == 3);
      CHECK(result.truncated == 0);
    }
  }
}

TEST_CASE("tasks: long prompts are cut; a run can be stopped") {
  NEED_BASE(device);
  Model model = value_of(Model::load(*device, *shared_golden("dynmole/base")));
  Session session = value_of(Session::create(model, {.context = 32, .slots = 2}));
  const QuestionSet set = recorded_sets().front();
  const TaskResult cut = value_of(run(model, session, set, {.max_tokens = 32}));
  CHECK(cut.truncated == 3);
  const auto stop = [&](size_t answered, size_t) {
    if (answered == 2) session.cancel();
  };
  const auto stopped = run(model, session, set, {.max_tokens = 32, .progress = stop});
  REQUIRE(!stopped);
  CHECK(stopped.error().code == ErrorCode::cancelled);
  CHECK(stopped.error().message == "[tasks] stopped before the end.");
}

TEST_CASE("tasks: what cannot be asked is a sentence that names the question") {
  NEED_BASE(device);
  Model model = value_of(Model::load(*device, *shared_golden("dynmole/base")));
  Session session = value_of(Session::create(model, {.context = 32}));
  const QuestionSet set = recorded_sets().front();
  const auto failed = run(model, session, set, {});
  REQUIRE(!failed);
  CHECK(failed.error().message.starts_with("[tasks] arc-e line 1 and those after it: the text has "));
  Model mute = value_of(Model::load(*device, write_tiny_model("lorikeet-tiny-mute")));
  Session without = value_of(Session::create(mute, {}));
  const auto silent = run(mute, without, set, {});
  REQUIRE(!silent);
  CHECK(silent.error().code == ErrorCode::not_found);
}

TEST_CASE("tasks: with an adapter the recorded logits, predictions and accuracies") {
  NEED_BASE(device);
  Model model = value_of(Model::load(*device, *shared_golden("dynmole/base")));
  const Adapter adapter =
      value_of(open_adapter(*shared_golden("dynmole/adapters/dynmole"), adapter_base(model.config())));
  Session session = value_of(Session::create(model, {.slots = 3, .adapters = {{&adapter}}}));
  const uint32_t first[] = {0};
  for (uint32_t slot = 0; slot < 3; ++slot) REQUIRE(session.set_adapters(slot, first).ok());
  for (const Task& task : all_tasks()) {
    const std::string name(task.name);
    INFO(name);
    const auto file = shared_golden("dynmole/eval/" + name + ".json");
    REQUIRE(file);
    const json recorded = json::parse(value_of(read_text(*file)));
    json items = json::array();
    for (const json& item : recorded.at("items")) items.push_back(item.at("item"));
    const QuestionSet set = value_of(parse_questions(task, items.dump(), name));
    const TaskResult result = value_of(run(model, session, set, {}));
    CHECK(std::abs(result.accuracy.value() - recorded.at("accuracy").get<double>()) < 1e-9);
    REQUIRE(result.predictions.size() == recorded.at("items").size());
    for (size_t i = 0; i < result.predictions.size(); ++i) {
      const json& item = recorded.at("items")[i];
      const Prediction& prediction = result.predictions[i];
      CHECK(set.questions[i].prompt == item.at("prompt").get<std::string>());
      CHECK(value_of(scored_prompt(*model.tokenizer(), set.questions[i], 512)).tokens ==
            item.at("input_ids").get<std::vector<int32_t>>());
      const auto logits = item.at("label_logits").get<std::vector<float>>();
      REQUIRE(prediction.label_logits.size() == logits.size());
      for (size_t label = 0; label < logits.size(); ++label)
        CHECK(std::abs(prediction.label_logits[label] - logits[label]) < 2e-4f);
      CHECK(set.questions[i].answers[prediction.answer] == " " + item.at("predicted_label").get<std::string>());
      CHECK(set.questions[i].answers[set.questions[i].right] == " " + item.at("gold_label").get<std::string>());
    }
  }
}

}  // namespace lorikeet::test
