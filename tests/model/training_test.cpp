// Training of adapters on a tiny LLaMA against recorded gradients, losses and final tensors.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/adapters/adapter.h"
#include "frontend/checkpoint/checkpoint.h"
#include "frontend/training/adapter_parameters.h"
#include "frontend/training/trainer.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"
#include "tests/support/skip.h"

using namespace lorikeet;
using namespace lorikeet::test;
using nlohmann::json;

namespace {

// The published batch: padding is learnt.
Batch recorded_batch(const std::filesystem::path& folder) {
  const TensorFiles files = need(open_tensors(folder / "training" / "batch.safetensors"));
  const auto ids = recorded<int64_t>(files, "input_ids"), mask = recorded<int64_t>(files, "attention_mask");
  constexpr size_t kSequences = 3;
  const size_t length = ids.size() / kSequences;
  Batch batch;
  for (size_t s = 0; s < kSequences; ++s) {
    batch.sequences.push_back({.example = uint32_t(s), .first = int64_t(s * length), .rows = int64_t(length)});
    for (size_t i = 0; i < length; ++i) {
      const size_t at = s * length + i;
      const bool last = i + 1 == length;
      batch.tokens.push_back(int32_t(ids[at]));
      batch.positions.push_back(int32_t(i));
      batch.labels.push_back(last ? kNoLabel : int32_t(ids[at + 1]));
      batch.weights.push_back(last ? 0 : 1.0f / float(kSequences * (length - 1)));
      batch.attended.push_back(mask[at] != 0);
    }
  }
  batch.trained = int64_t(kSequences * (length - 1));
  return batch;
}

struct Setting {
  std::filesystem::path folder;
  Model model;
  Adapter adapter;
  Batch batch;

  TrainerOptions options(bool recompute = false) const {
    const AdapterInGraph in{.config = &adapter.config, .tensors = &adapter.tensors, .name = "adapter"};
    return {.recipe = {.adapter = in, .dropout = false, .recompute = recompute},
            .parameters = adapter_parameters(adapter.tensors, "adapter"),
            .count_padding = true};
  }
};

Setting open_setting(const std::filesystem::path& folder, const std::string& name) {
  Model model = need(Model::load(*test_device(), folder / "base"));
  Adapter adapter = need(open_adapter(folder / "adapters" / name, adapter_base(model.config())));
  return {folder, std::move(model), std::move(adapter), recorded_batch(folder)};
}

std::string part_name(const AdapterSlot& slot) {
  return slot.part == AdapterSlot::Part::router ? "router" : slot.part == AdapterSlot::Part::a ? "a" : "b";
}

// Compares all tensors of the adapter as the parameters' states have them with recorded ones of the same names.
template <class Compare>
void compare(const Setting& s, const Trainer& trainer, const std::string& state_part, const std::string& file,
             Compare compare_values) {
  const TensorFiles files = need(open_tensors(s.folder / "training" / file));
  for (const AdapterSlot& slot : adapter_slots(s.adapter.tensors, s.adapter.config.kind)) {
    const auto values =
        need(trainer.read("adapter." + part_name(slot) + "." + std::to_string(slot.index) + state_part));
    const auto expected = recorded<float>(files, slot.name);
    INFO(slot.name);
    compare_values(std::span(values).subspan(slot.first, slot.elements()), expected);
  }
}

constexpr const char* kTrained[] = {"lora", "dynmole", "mixlora", "mola"};

}  // namespace

TEST_CASE("adapters learn with the recorded gradients, losses and tensors", "[model][training]") {
  const auto folder = shared_golden("dynmole");
  if (!test_device()) LK_SKIP(no_device, "training");
  if (!folder) LK_SKIP(no_shared_goldens, "training");
  for (const char* name : kTrained) {
    Setting s = open_setting(*folder, name);
    const json losses = json::parse(std::ifstream(*folder / "training" / name / "losses.json"));
    for (const char* rate : {"lr2e-4", "lr2e-3"}) {
      const json& run = losses.at(rate);
      Trainer trainer = need(Trainer::create(s.model, s.options()));
      for (size_t step = 0; step < 10; ++step) {
        const auto report = trainer.step(std::span(&s.batch, 1), run["optimizer"]["lr"].get<double>());
        INFO(name << " " << rate << " step " << step << (report ? "" : report.error().message));
        REQUIRE(report);
        CHECK(std::abs(report->loss.cross_entropy - run["ce"][step].get<double>()) < (step == 0 ? 2e-5 : 5e-5));
        const json& aux = run["aux"][step];
        CHECK(std::abs(report->loss.aux - (aux.is_null() ? 0 : aux.get<double>())) < 2e-7);
        if (step == 0)
          compare(s, trainer, ".gradient", std::string(name) + "/grads_step0.safetensors",
                  [](std::span<const float> got, const std::vector<float>& expected) {
                    CHECK(worst(got, expected) < 2e-5f);
                  });
      }
      if (rate == std::string("lr2e-4")) continue;
      double squares = 0;
      size_t count = 0, far = 0;
      compare(s, trainer, "", std::string(name) + "/final_lr2e-3.safetensors",
              [&](std::span<const float> got, const std::vector<float>& expected) {
                REQUIRE(got.size() == expected.size());
                for (size_t i = 0; i < got.size(); ++i) {
                  const double difference = std::abs(double(got[i]) - expected[i]);
                  squares += difference * difference;
                  far += difference > 2e-5;
                  ++count;
                  if (difference > 5e-3) FAIL_CHECK(i << ": " << got[i] << " instead of " << expected[i]);
                }
              });
      INFO(name);
      CHECK(std::sqrt(squares / double(count)) < 5e-6);
      CHECK(double(far) < 1e-3 * double(count));
    }
  }
}

TEST_CASE("recomputation changes the memory and not one bit", "[model][training]") {
  const auto folder = shared_golden("dynmole");
  if (!test_device()) LK_SKIP(no_device, "training");
  if (!folder) LK_SKIP(no_shared_goldens, "training");
  for (const char* name : kTrained) {
    Setting s = open_setting(*folder, name);
    std::vector<std::vector<float>> gradients[2];
    uint64_t activations[2];
    for (const bool recompute : {false, true}) {
      activations[recompute] =
          need(Trainer::memory(s.model, s.options(recompute), {.rows = s.batch.rows()})).activation_bytes;
      Trainer trainer = need(Trainer::create(s.model, s.options(recompute)));
      need(trainer.step(std::span(&s.batch, 1), 1e-3));
      for (const Parameter& parameter : trainer.parameters())
        gradients[recompute].push_back(need(trainer.read(parameter.name + ".gradient")));
    }
    INFO(name << ": " << activations[0] << " and " << activations[1] << " bytes");
    CHECK(gradients[0] == gradients[1]);
    CHECK(activations[1] < activations[0]);
  }
}
