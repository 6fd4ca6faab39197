// The experts of a factored model in training, their routers fixed (FactorLLM's second stage), as recorded.
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/families/resolve.h"
#include "frontend/training/trainer.h"
#include "frontend/training/weight_parameters.h"
#include "runtime/base/text.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"
#include "tests/support/skip.h"

using namespace lorikeet;
using namespace lorikeet::test;
using nlohmann::json;

namespace {

// One sequence, every token of which but the first is a label.
Batch batch_of(std::span<const int64_t> ids) {
  Batch batch;
  const size_t rows = ids.size();
  for (size_t i = 0; i < rows; ++i) {
    const bool last = i + 1 == rows;
    batch.tokens.push_back(int32_t(ids[i]));
    batch.positions.push_back(int32_t(i));
    batch.labels.push_back(last ? kNoLabel : int32_t(ids[i + 1]));
    batch.weights.push_back(last ? 0.0f : 1.0f / float(rows - 1));
  }
  batch.attended.assign(rows, 1);
  batch.sequences.push_back({.rows = int64_t(rows), .length = int64_t(rows)});
  batch.trained = int64_t(rows) - 1;
  return batch;
}

// The parameter that a tensor of the directory's is.
std::string gguf_name(const Model& model, const std::string& name) {
  const DecoderConfig& config = model.config();
  for (uint32_t layer = 0; layer < config.layers; ++layer)
    for (const WeightRole role : {WeightRole::slice_router, WeightRole::slice_router_bias})
      if (weight_name(*config.family, role, layer, Naming::huggingface) == name)
        return weight_name(*config.family, role, layer, Naming::gguf);
  FAIL(name << " is no router");
  return {};
}

// compare(got, expected) for the tensor of every expert.
template <class Compare>
size_t compare(const Model& model, const Trainer& trainer, const char* part, const TensorFiles& files,
               Compare compare_values) {
  size_t compared = 0;
  const DecoderConfig& config = model.config();
  for (uint32_t layer = 0; layer < config.layers; ++layer)
    for (const WeightRole role : {WeightRole::slice_gate, WeightRole::slice_up, WeightRole::slice_down}) {
      const auto all = need(trainer.read(weight_name(*config.family, role, layer, Naming::gguf) + part));
      const size_t each = all.size() / experts(config, role);
      for (uint32_t expert = 0; expert < experts(config, role); ++expert, ++compared) {
        const std::string name = weight_name(*config.family, role, layer, Naming::huggingface, expert);
        INFO(name);
        const auto expected = recorded(files, name);
        REQUIRE(expected.size() == each);
        compare_values(std::span(all).subspan(expert * each, each), expected);
      }
    }
  return compared;
}

}  // namespace

TEST_CASE("factored: routers learn with the recorded gradients, losses and tensors", "[factor][training]") {
  if (!test_device()) LK_SKIP(no_device, "training");
  const auto folder = shared_golden("factorllm");
  if (!folder) LK_SKIP(no_shared_goldens, "training");
  Model model = need(Model::load(*test_device(), *folder / "factored/contiguous"));
  const json training = json::parse(std::ifstream(*folder / "training/training.json"));
  const TensorFiles data = need(open_tensors(*folder / "training/batches.safetensors"));
  const auto ids = recorded<int64_t>(data, data.tensors().front().name);
  const size_t length = data.tensors().front().columns();
  for (const char* rate : {"0.0004", "4e-05"}) {
    INFO("rate " << rate);
    const json& run = training.at("runs").at(join("stage_a_lr", rate));
    TrainerOptions options;
    const std::string patterns[] = {R"(.*mlp\.route1\..*)"};
    options.parameters = need(weight_parameters(model, patterns));
    for (Parameter& parameter : options.parameters) parameter.decays = true;
    options.optimiser = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 1e-5, .decoupled = false};
    options.recipe.routers = {.view = RouterView::chained};
    Trainer trainer = need(Trainer::create(model, options));
    const auto each = [&](const char* part, const TensorFiles& files, auto compare_values) {
      for (const TensorInfo& info : files.tensors()) {
        INFO(info.name << part);
        const auto got = need(trainer.read(gguf_name(model, info.name) + part));
        const auto expected = recorded(files, info.name);
        REQUIRE(got.size() == expected.size());
        for (size_t i = 0; i < got.size(); ++i) compare_values(got[i], expected[i]);
      }
    };
    const auto& steps = run.at("steps");
    for (size_t step = 0; step < steps.size(); ++step) {
      INFO("step " << step);
      const Batch batch = batch_of(std::span(ids).subspan(step * length, length));
      const auto report = need(trainer.step(std::span(&batch, 1), run.at("lr").get<double>()));
      CHECK(std::abs(report.loss.cross_entropy - steps[step].at("ce").get<double>()) < 1e-4);
      const double aux =
          0.05 * steps[step].at("route_loss").get<double>() + 0.01 * steps[step].at("balance").get<double>();
      CHECK(std::abs(report.loss.aux - aux) < 2e-6);
      CHECK(report.gradient_norm == Approx(steps[step].at("grad_norm").get<double>()).epsilon(1e-4));
      if (step > 0) continue;
      const TensorFiles gradients = need(open_tensors(*folder / "training/stage_a_grads_step0.safetensors"));
      each(".gradient", gradients,
           [](float got, float expected) { CHECK(std::abs(got - expected) <= 2e-6f + 1e-4f * std::abs(expected)); });
    }
    const TensorFiles final_tensors =
        need(open_tensors(*folder / join("training/stage_a_lr", rate, "_final.safetensors")));
    each("", final_tensors, [](float got, float expected) { CHECK(std::abs(got - expected) <= 1e-5f); });
  }
}

TEST_CASE("factored: experts learn with the recorded gradients, losses and tensors", "[factor][training]") {
  if (!test_device()) LK_SKIP(no_device, "training");
  const auto folder = shared_golden("factorllm");
  if (!folder) LK_SKIP(no_shared_goldens, "training");
  Model model = need(Model::load(*test_device(), *folder / "factored/contiguous"));
  const json training = json::parse(std::ifstream(*folder / "training/training.json"));
  const json& run = training.at("runs").at("stage_b_lr0.0004");
  const TensorFiles data = need(open_tensors(*folder / "training/batches.safetensors"));
  const auto ids = recorded<int64_t>(data, data.tensors().front().name);
  const size_t length = data.tensors().front().columns();

  TrainerOptions options;
  const std::string patterns[] = {R"(blk\.\d+\.ffn_.*_exps\.weight)"};
  options.parameters = need(weight_parameters(model, patterns));
  options.optimiser = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 1e-5, .decoupled = false};
  TrainerOptions part = options;
  part.parameters.pop_back();
  const auto refused = Trainer::create(model, part);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.ends_with(join(options.parameters.back().name, " is not.")));
  Trainer trainer = need(Trainer::create(model, options));
  const auto& steps = run.at("steps");
  for (size_t step = 0; step < steps.size(); ++step) {
    INFO("step " << step);
    const Batch batch = batch_of(std::span(ids).subspan(step * length, length));
    const auto report = need(trainer.step(std::span(&batch, 1), run.at("lr").get<double>()));
    CHECK(std::abs(report.loss.cross_entropy - steps[step].at("ce").get<double>()) < 1e-4);
    CHECK(report.gradient_norm == Approx(steps[step].at("grad_norm").get<double>()).epsilon(1e-4));
    if (step > 0) continue;
    const TensorFiles gradients = need(open_tensors(*folder / "training/stage_b_grads_step0.safetensors"));
    CHECK(compare(model, trainer, ".gradient", gradients, [](auto got, const auto& expected) {
            size_t far = 0;
            for (size_t i = 0; i < got.size(); ++i)
              far += !(std::abs(got[i] - expected[i]) <= 2e-6f + 1e-4f * std::abs(expected[i]));
            CHECK(far == 0);
          }) == gradients.tensors().size());
  }
  const TensorFiles final_tensors = need(open_tensors(*folder / "training/stage_b_lr0.0004_final.safetensors"));
  size_t count = 0, far = 0, wrong = 0;
  CHECK(compare(model, trainer, "", final_tensors, [&](auto got, const auto& expected) {
          for (size_t i = 0; i < got.size(); ++i, ++count) {
            const float difference = std::abs(got[i] - expected[i]);
            far += !(difference <= 2e-5f);
            wrong += !(difference <= 4e-4f);
          }
        }) == final_tensors.tensors().size());
  CHECK(double(far) <= 1e-3 * double(count));
  CHECK(wrong == 0);
}

TEST_CASE("factored: experts learn what the dense model says", "[factor][training]") {
  if (!test_device()) LK_SKIP(no_device, "training");
  const auto folder = shared_golden("factorllm");
  if (!folder) LK_SKIP(no_shared_goldens, "training");
  const TensorFiles data = need(open_tensors(*folder / "training/batches.safetensors"));
  const auto ids = recorded<int64_t>(data, data.tensors().front().name);
  const Batch batch = batch_of(std::span(ids).first(data.tensors().front().columns()));
  Model model = need(Model::load(*test_device(), *folder / "factored/contiguous"));
  TrainerOptions options;
  const std::string experts[] = {R"(blk\.\d+\.ffn_.*_exps\.weight)"};
  options.parameters = need(weight_parameters(model, experts));
  options.recipe.distil = true;
  Trainer trainer = need(Trainer::create(model, options));
  const double first = need(trainer.evaluate(batch)).cross_entropy;
  CHECK(first > 0);
  for (int step = 0; step < 30; ++step) need(trainer.step(std::span(&batch, 1), 4e-3));
  CHECK(need(trainer.evaluate(batch)).cross_entropy < first / 2);

  const std::string others[] = {R"(.*norm.*)"};
  options.parameters = need(weight_parameters(model, others));
  const auto refused = Trainer::create(model, options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message ==
        "distillation trains the experts of a factored model alone; other tensors are among the parameters.");
}
