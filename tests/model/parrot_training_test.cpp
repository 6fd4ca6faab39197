// Training of a tiny Parrot against the recorded runs: the projector alone, and all but the tower.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/dataset/batch.h"
#include "frontend/dataset/dataset.h"
#include "frontend/training/schedule.h"
#include "frontend/training/trainer.h"
#include "frontend/training/weight_parameters.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"
#include "tests/support/skip.h"

using namespace lorikeet;
using namespace lorikeet::test;
using nlohmann::json;

namespace {

// The published names of a parameter's parts, in their order: the experts, or one.
std::vector<std::string> published_names(const Model& model, const std::string& name) {
  std::vector<std::string> names;
  for (const Weight& weight : model.weights().weights())
    if (weight.name == name || weight.name.starts_with(name + " #"))
      names.push_back(
          weight_name(*model.config().family, weight.role, weight.layer, Naming::huggingface, weight.expert));
  return names;
}

// Every tensor of the file that a parameter stands for: compare(got, expected).
template <class Compare>
size_t compare(const Model& model, const Trainer& trainer, const std::string& state_part, const TensorFiles& files,
               Compare compare_values) {
  size_t compared = 0;
  for (const Parameter& parameter : trainer.parameters()) {
    const auto names = published_names(model, parameter.name);
    const auto values = need(trainer.read(parameter.name + state_part));
    const size_t each = values.size() / names.size();
    for (size_t i = 0; i < names.size(); ++i) {
      if (!files.find(names[i])) continue;
      INFO(names[i]);
      const auto expected = recorded(files, names[i]);
      REQUIRE(expected.size() == each);
      compare_values(std::span(values).subspan(i * each, each), expected);
      ++compared;
    }
  }
  return compared;
}

}  // namespace

TEST_CASE("a Parrot learns with the recorded gradients, losses and tensors", "[model][training][parrot]") {
  const auto folder = shared_golden("parrot");
  if (!test_device()) LK_SKIP(no_device, "training");
  if (!folder) LK_SKIP(no_shared_goldens, "training");
  const auto training = *folder / "training";
  Model model = need(Model::load(*test_device(), *folder / "model-fp32"));
  const json runs = json::parse(std::ifstream(training / "runs.json"));
  const Dataset dataset = need(Dataset::read(
      training / "samples.json", *model.tokenizer(),
      {.encoding = {.visual_tokens = model.config().picture->visual_tokens(), .vocabulary = model.config().vocabulary},
       .max_tokens = 2048}));
  const uint32_t examples[] = {1, 2, 0};  // as the published dataset shuffled them
  const Batch batch = need(make_batch(dataset, examples, {}));
  const TensorFiles images = need(open_tensors(training / "batch.safetensors"));
  const std::vector<float> all_pixels = recorded(images, "images");

  for (const char* name : {"stage1_plain", "stage2_plain", "stage2_recipe"}) {
    const json& run = runs.at(name);
    const bool first_stage = run["stage"] == 1;
    std::vector<std::string> patterns{R"(mm\.[02]\..*)"};
    if (!first_stage) patterns.insert(patterns.end(), {"mm.ffn_.*", R"(blk\..*)", "token_embd.weight", "output.*"});
    TrainerOptions options;
    options.recipe.bypass_experts = first_stage;
    options.parameters = need(weight_parameters(model, patterns));
    options.optimiser.decay = run["weight_decay"].get<double>();
    options.optimiser.clip = run["max_grad_norm"].is_null() ? 0 : run["max_grad_norm"].get<double>();
    options.pixels = [&](const std::string& path) -> Result<Pixels> {
      const size_t one = all_pixels.size() / 3;
      const size_t i = path.ends_with("boat_square.jpg") ? 0 : 2;
      return std::make_shared<const std::vector<float>>(all_pixels.begin() + int64_t(i * one),
                                                        all_pixels.begin() + int64_t((i + 1) * one));
    };
    Trainer trainer = need(Trainer::create(model, options));
    for (size_t step = 0; step < run["history"].size(); ++step) {
      const json& expected = run["history"][step];
      const auto report = trainer.step(std::span(&batch, 1), expected["lr"].get<double>());
      INFO(name << " step " << step << (report ? "" : report.error().message));
      REQUIRE(report);
      CHECK(std::abs(report->loss.cross_entropy - expected["loss"].get<double>()) < 1e-4);
      CHECK(report->gradient_norm == Approx(expected["grad_norm"].get<double>()).epsilon(1e-4));
      if (step > 0 || std::string(name) == "stage2_recipe") continue;
      const TensorFiles files = need(open_tensors(training / (std::string(name) + "_grads_step0.safetensors")));
      const size_t compared = compare(model, trainer, ".gradient", files, [](auto got, const auto& wanted) {
        float largest = 0, difference = 0;
        for (size_t i = 0; i < got.size(); ++i) {
          largest = std::max(largest, std::abs(wanted[i]));
          difference = std::max(difference, std::abs(got[i] - wanted[i]));
        }
        CHECK(difference <= 1e-4f * largest);
      });
      CHECK(compared == run["trainable"].size() - run["without_gradient"].size());
    }
    const bool recipe = std::string(name) == "stage2_recipe";
    const TensorFiles files = need(open_tensors(training / (std::string(name) + "_final.safetensors")));
    size_t count = 0, far = 0;
    const size_t compared = compare(model, trainer, "", files, [&](auto got, const auto& wanted) {
      for (size_t i = 0; i < got.size(); ++i) {
        const float difference = std::abs(got[i] - wanted[i]);
        far += difference > (recipe ? 5e-5f : 2e-5f);
        ++count;
        if (!(difference <= (recipe ? 1e-3f : 3e-4f))) FAIL_CHECK(i << ": " << got[i] << " instead of " << wanted[i]);
      }
    });
    INFO(name);
    CHECK(compared == files.tensors().size());
    CHECK(double(far) <= 1e-3 * double(count));
  }
}
