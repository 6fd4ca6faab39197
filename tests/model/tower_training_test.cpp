// A vision tower in training: its gradients are slopes of the loss, a picture that several conversations are about goes
// through it once, and runs that train it go on, and end, as all others.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/image/picture.h"
#include "frontend/training/run_loop.h"
#include "frontend/training/trainer.h"
#include "frontend/training/weight_parameters.h"
#include "frontend/viewer.h"
#include "runtime/base/text.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"

using namespace lorikeet;
using namespace lorikeet::test;
using nlohmann::json;

namespace {

using Path = std::filesystem::path;
using Patterns = std::vector<std::string>;

const Patterns kAll = {".*"}, kAllButTower = {R"((mm|blk)\..*)", "token_embd.weight", "output.*"};

json example(const std::string& picture, const char* question, const char* answer) {
  return {
      {"image", picture},
      {"messages",
       {{{"role", "user"}, {"content", join("<image>\n", question)}}, {{"role", "assistant"}, {"content", answer}}}}};
}

// Two questions about one picture, one about another, one about none; `second`: the path in the second question.
Dataset questions(const Model& model, const Path& pictures, const std::string& second = "house_landscape.png") {
  json records = json::array();
  records.push_back(example("house_landscape.png", "What is it?", "A red house."));
  records.push_back(example("boat_square.jpg", "O que é?", "Um barco."));
  records.push_back(example(second, "Which colour?", "It is red."));
  records.push_back(
      {{"messages", {{{"role", "user"}, {"content", "Hi"}}, {{"role", "assistant"}, {"content", "Yes."}}}}});
  DatasetOptions options;
  options.encoding.answers_only = true;
  options.encoding.visual_tokens = model.config().picture->visual_tokens();
  options.encoding.vocabulary = int64_t(model.config().vocabulary);
  options.picture_folder = pictures;
  return need(Dataset::parse(records.dump(), "questions", *model.tokenizer(), options));
}

Batch whole_batch(const Dataset& dataset) {
  const uint32_t examples[] = {0, 1, 2, 3};
  return need(make_batch(dataset, examples, {}));
}

TrainerOptions options_for(const Model& model, const Patterns& patterns) {
  TrainerOptions options;
  options.parameters = need(weight_parameters(model, patterns));
  options.optimiser.decay = 0;
  options.pixels = [&model](const std::string& file) -> Result<Pixels> {
    LK_ASSIGN(const Picture picture, read_picture(file));
    return see_pixels(model, picture);
  };
  return options;
}

RunOptions run_options(const Patterns& patterns, uint64_t steps) {
  RunOptions options;
  options.weights = patterns;
  options.schedule.rate = 1e-3;
  options.batches.examples = 4;
  options.accumulate = 1;
  options.steps = steps;
  return options;
}

std::vector<float> bits_of(TrainingRun& run) {
  std::vector<float> all;
  for (const Parameter& parameter : run.trainer().parameters()) {
    const auto values = need(run.trainer().read(parameter.name));
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

struct Fixture {
  Path folder = *shared_golden("parrot");
  Path pictures = folder / "pictures";
  Model model = need(Model::load(*test_device(), folder / "model-fp32"));
};

}  // namespace

#define NEED_PARROT()                                           \
  if (!test_device()) LK_SKIP(no_device, "training of towers"); \
  if (!shared_golden("parrot")) LK_SKIP(no_shared_goldens, "training of towers")

TEST_CASE("gradients of a tower are slopes of the loss", "[model][training][parrot]") {
  NEED_PARROT();
  Fixture f;
  const Batch batch = whole_batch(questions(f.model, f.pictures));
  Trainer trainer = need(Trainer::create(f.model, options_for(f.model, kAll)));

  need(trainer.step(std::span(&batch, 1), 0));
  for (const char* name :
       {"v.class_embd", "v.patch_embd.weight", "v.position_embd.weight", "v.pre_ln.weight", "v.pre_ln.bias",
        "v.blk.0.ln1.weight", "v.blk.0.attn_q.weight", "v.blk.1.attn_k.weight", "v.blk.1.attn_v.weight",
        "v.blk.1.attn_out.bias", "v.blk.2.ffn_up.weight", "v.blk.2.ffn_down.weight", "v.blk.2.ln2.bias"}) {
    const auto values = need(trainer.read(name)), gradient = need(trainer.read(join(name, ".gradient")));
    const size_t at = size_t(
        std::max_element(gradient.begin(), gradient.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }) -
        gradient.begin());
    const double by = std::min(0.02, 4e-3 / std::abs(gradient[at]));
    const auto loss = [&](double change) {
      auto moved = values;
      moved[at] += float(change);
      need(trainer.write(name, moved));
      return need(trainer.evaluate(batch)).cross_entropy;
    };
    const double slope = (8 * (loss(by) - loss(-by)) - (loss(2 * by) - loss(-2 * by))) / (12 * by);
    need(trainer.write(name, values));
    INFO(name << " " << at << ": " << gradient[at] << ", slope " << slope);
    CHECK(slope == Approx(gradient[at]).epsilon(0.01).margin(2e-4));
  }
}

TEST_CASE("a tower in training sees as a frozen one, and each picture once", "[model][training][parrot]") {
  NEED_PARROT();
  Fixture f;
  const TemporaryFolder copies;
  for (const char* name : {"house_landscape.png", "boat_square.jpg"})
    std::filesystem::copy_file(f.pictures / name, copies / name);
  std::filesystem::copy_file(f.pictures / "house_landscape.png", copies / "again.png");
  const Batch once = whole_batch(questions(f.model, copies.path())),
              twice = whole_batch(questions(f.model, copies.path(), "again.png"));
  std::vector<std::vector<float>> gradients;
  std::vector<double> losses;
  const auto learn = [&](const Patterns& patterns, const Batch& batch, bool recompute) {
    TrainerOptions options = options_for(f.model, patterns);
    options.recipe.recompute = recompute;
    Trainer trainer = need(Trainer::create(f.model, options));
    losses.push_back(need(trainer.evaluate(batch)).cross_entropy);
    CHECK(need(trainer.step(std::span(&batch, 1), 0)).loss.cross_entropy == losses.back());
    gradients.push_back(need(trainer.read("mm.0.weight.gradient")));
    if (patterns == kAll)
      for (const char* name : {"v.patch_embd.weight", "v.blk.0.attn_q.weight", "v.class_embd"}) {
        const auto more = need(trainer.read(join(name, ".gradient")));
        gradients.back().insert(gradients.back().end(), more.begin(), more.end());
      }
  };
  learn(kAll, once, false);
  learn(kAll, twice, false);
  learn(kAll, once, true);
  learn(kAllButTower, once, false);
  CHECK(std::abs(losses[1] - losses[0]) < 1e-5);
  CHECK(std::abs(losses[3] - losses[0]) < 1e-5);
  const auto far = [&](size_t a, size_t b) {
    double difference = 0, energy = 0;
    for (size_t i = 0; i < std::min(gradients[a].size(), gradients[b].size()); ++i) {
      difference += std::pow(double(gradients[a][i]) - gradients[b][i], 2);
      energy += std::pow(double(gradients[b][i]), 2);
    }
    return difference / energy;
  };
  CHECK(far(1, 0) < 1e-9);
  CHECK(far(0, 3) < 1e-9);
  const bool same_bits = gradients[2] == gradients[0];  // computed again or kept
  CHECK(same_bits);

  const auto memory = [&](const Dataset& data, bool recompute, const Patterns& patterns) {
    RunOptions options = run_options(patterns, 1);
    options.recompute = recompute;
    return need(TrainingRun::memory(f.model, data, options)).training;
  };
  const Dataset two = questions(f.model, copies.path()), three = questions(f.model, copies.path(), "again.png");
  const uint64_t picture = 3 * 56 * 56 * 4;
  CHECK(memory(two, false, kAll).picture_bytes == 2 * picture);
  CHECK(memory(three, false, kAll).picture_bytes == 3 * picture);
  CHECK(memory(three, false, kAll).activation_bytes > memory(two, false, kAll).activation_bytes);
  CHECK(memory(two, true, kAll).activation_bytes < memory(two, false, kAll).activation_bytes);
  CHECK(memory(two, false, kAllButTower).picture_bytes > 2 * picture);  // the frozen tower at work
}

TEST_CASE("a tower learns under frozen experts", "[model][training][parrot]") {
  NEED_PARROT();
  Fixture f;
  const Batch batch = whole_batch(questions(f.model, f.pictures));
  std::vector<std::vector<float>> gradients;
  for (const auto& [patterns, recompute] :
       {std::pair<Patterns, bool>{kAll, false}, {{R"(v\..*)"}, false}, {{R"(v\..*)"}, true}}) {
    TrainerOptions options = options_for(f.model, patterns);
    options.recipe.recompute = recompute;
    Trainer trainer = need(Trainer::create(f.model, options));
    const double before = need(trainer.step(std::span(&batch, 1), 1e-3)).loss.cross_entropy;
    gradients.push_back(need(trainer.read("v.blk.1.attn_v.weight.gradient")));
    CHECK(need(trainer.evaluate(batch)).cross_entropy < before);
  }
  double difference = 0, energy = 0;
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    difference += std::pow(double(gradients[0][i]) - gradients[1][i], 2);
    energy += std::pow(double(gradients[0][i]), 2);
  }
  CHECK(difference < 1e-8 * energy);
  const bool same_bits = gradients[1] == gradients[2];
  CHECK(same_bits);
}

TEST_CASE("a Parrot learns whole, goes on with the same bits and is written with its tower",
          "[model][finetuning][parrot]") {
  NEED_PARROT();
  Fixture f;
  const TemporaryFolder folder;
  const Dataset data = questions(f.model, f.pictures);
  const RunOptions options = run_options(kAll, 5);
  TrainingRun whole = need(TrainingRun::create(f.model, data, options));
  const double before = need(whole.evaluate(data)).cross_entropy;
  RunFolder out = need(RunFolder::open(folder / "out", false));
  need(run_to_end(whole, out, {}));
  const double after = need(whole.evaluate(data)).cross_entropy;
  CHECK(after < before - 0.1);

  {
    TrainingRun first = need(TrainingRun::create(f.model, data, options));
    need(first.step());
    need(first.step());
    need(first.save(folder / "c"));
  }
  TrainingRun second = need(TrainingRun::create(f.model, data, options));
  CHECK(need(second.resume(folder / "c")).empty());
  while (!second.done()) need(second.step());
  const bool same_bits = bits_of(whole) == bits_of(second);
  CHECK(same_bits);

  // The trained model's loss is that of the run, with its tower frozen.
  Model trained = need(Model::load(*test_device(), whole.result(out.path())));
  TrainingRun frozen = need(TrainingRun::create(trained, data, run_options(kAllButTower, 1)));
  CHECK(std::abs(need(frozen.evaluate(data)).cross_entropy - after) < 1e-5);
  size_t changed = 0;
  for (const Weight& weight : f.model.weights().weights()) {
    if (!is_of_tower(weight.role)) continue;
    const TensorInfo* made = trained.checkpoint().find(weight.source->name);
    REQUIRE(made);
    const Bytes was = need(f.model.checkpoint().data(*weight.source)), is = need(trained.checkpoint().data(*made));
    changed += !std::equal(was.begin(), was.end(), is.begin(), is.end());
  }
  CHECK(changed == 5 + 16 * f.model.config().picture->tower_layers);
}
