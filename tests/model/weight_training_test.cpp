// Runs that train weights of the model itself: what they leave is a model, from every format that one comes in.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "frontend/convert.h"
#include "frontend/session.h"
#include "frontend/training/run_loop.h"
#include "frontend/training/weight_parameters.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/recorded.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

std::filesystem::path tiny(const std::string& folder, bool tied = true) {
  const auto path = write_tiny_model(
      folder, {.layers = 2, .hidden = 32, .intermediate = 64, .vocabulary = kTinyTokens, .tied = tied});
  write_tiny_tokenizer(path);
  return path;
}

Dataset sentences(const Model& model) {
  DatasetOptions options;
  options.encoding.vocabulary = int64_t(model.config().vocabulary);
  return need(Dataset::parse("{\"input_ids\": [10, 20, 31, 22, 40]}\n{\"input_ids\": [11, 50, 52, 33, 21]}\n", "s",
                             *model.tokenizer(), options));
}

RunOptions options_for(std::vector<std::string> weights, uint64_t steps) {
  RunOptions options;
  options.weights = std::move(weights);
  options.schedule.rate = 1e-2;
  options.accumulate = 1;
  options.steps = steps;
  return options;
}

// Mean over the labels of all sentences, by a session: without anything of training.
double loss_of(Model& model) {
  Session session = need(Session::create(model, {}));
  const Dataset data = sentences(model);
  double sum = 0;
  size_t count = 0;
  for (size_t i = 0; i < data.size(); ++i)
    for (const float value : need(session.log_probs(0, data[i].tokens))) sum -= double(value), ++count;
  return sum / double(count);
}

std::string error_of(const Model& model, const std::vector<std::string>& patterns) {
  const auto found = find_weight_parameters(model, patterns);
  return found ? std::string() : found.error().message;
}

}  // namespace

TEST_CASE("trained weights become a model in the format that it came in", "[model][finetuning]") {
  if (!test_device()) LK_SKIP(no_device, "training of weights");
  const TemporaryFolder folder;
  const auto directory = tiny("lorikeet-tiny-weights");
  const auto quantised = folder / "tiny.gguf";
  need(convert(need(Checkpoint::open(directory)), quantised, {.type = DType::q8_0}));
  for (const auto& path : {directory, quantised}) {
    INFO(path.string());
    Model model = need(Model::load(*test_device(), path));
    const bool gguf = path == quantised;
    // Rows of q lie in another order in the GGUF file; the embedding is the head too.
    const RunOptions options = options_for({R"(blk\.\d+\.attn_q\.weight)", "token_embd.weight", ".*norm.*"}, 4);
    const auto parameters = need(find_weight_parameters(model, options.weights));
    CHECK(parameters.size() == 8);
    const std::string summary = weight_summary(model, parameters);
    CHECK((summary.find("tensors are q8_0") != std::string::npos) == gguf);
    CHECK(summary.find(gguf ? "blk.0.attn_q.weight (32, 32) and 1 more like it"
                            : "model.layers.0.self_attn.q_proj.weight (32, 32) and 1 more like it") !=
          std::string::npos);
    RunFolder out = need(RunFolder::open(folder / (gguf ? "g" : "d"), false));
    TrainingRun run = need(TrainingRun::create(model, sentences(model), options));
    const double before = loss_of(model);
    need(run_to_end(run, out, {}));
    CHECK_FALSE(run.tensors());
    const double after = need(run.evaluate(sentences(model))).cross_entropy;
    CHECK(after < before);
    CHECK(run.result(out.path()) == out.path() / (gguf ? "model.gguf" : "model"));

    Model trained = need(Model::load(*test_device(), run.result(out.path())));
    CHECK(std::abs(loss_of(trained) - after) < 1e-4);
    size_t changed = 0;
    for (const TensorInfo& tensor : model.checkpoint().tensors()) {
      const TensorInfo* made = trained.checkpoint().find(tensor.name);
      REQUIRE(made);
      CHECK(made->shape == tensor.shape);
      const Bytes was = need(model.checkpoint().data(tensor)), is = need(trained.checkpoint().data(*made));
      changed += !std::equal(was.begin(), was.end(), is.begin(), is.end());
      if (made->type != tensor.type) CHECK(made->type == DType::f32);
    }
    CHECK(changed == parameters.size());
  }
}

TEST_CASE("training of weights goes on with the same bits, and ends at what is no number", "[model][finetuning]") {
  if (!test_device()) LK_SKIP(no_device, "training of weights");
  Model model = need(Model::load(*test_device(), tiny("lorikeet-tiny-weights-resume", false)));
  const TemporaryFolder folder;
  RunOptions options = options_for({".*"}, 4);
  const auto bits = [&](TrainingRun& run) {
    std::vector<float> all;
    for (const Parameter& parameter : run.trainer().parameters()) {
      const auto values = need(run.trainer().read(parameter.name));
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  };
  TrainingRun whole = need(TrainingRun::create(model, sentences(model), options));
  while (!whole.done()) need(whole.step());
  {
    TrainingRun first = need(TrainingRun::create(model, sentences(model), options));
    need(first.step());
    need(first.save(folder / "c"));
  }
  TrainingRun second = need(TrainingRun::create(model, sentences(model), options));
  CHECK(need(second.resume(folder / "c")).empty());
  while (!second.done()) need(second.step());
  const std::vector<float> a = bits(whole), b = bits(second);
  REQUIRE(a.size() == b.size());
  CHECK(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
  TrainingRun other = need(TrainingRun::create(model, sentences(model), options_for({"output.weight"}, 4)));
  CHECK(other.resume(folder / "c").error().message.find("other weights") != std::string::npos);

  options.schedule.rate = 1e30;
  options.steps = 20;
  TrainingRun lost = need(TrainingRun::create(model, sentences(model), options));
  RunFolder out = need(RunFolder::open(folder / "out", false));
  const Status stopped = run_to_end(lost, out, {});
  REQUIRE_FALSE(stopped);
  INFO(stopped.error().message);
  CHECK(stopped.error().message.find("is not finite; the first gradient that is not is that of model.") !=
        std::string::npos);
  CHECK_FALSE(lost.write(out.path()));
}

TEST_CASE("patterns are for whole names, and say what there is if they match none", "[model][finetuning]") {
  if (!test_device()) LK_SKIP(no_device, "training of weights");
  Model model = need(Model::open(*test_device(), tiny("lorikeet-tiny-patterns")));
  CHECK(need(find_weight_parameters(model, std::vector<std::string>{"blk.1.ffn_(up|down).weight"})).size() == 2);
  CHECK(need(find_weight_parameters(model, std::vector<std::string>{R"(model\.layers\.0\..*)", "model.norm.weight"}))
            .size() == 10);
  const std::string none = error_of(model, {"up_proj"});
  CHECK(none.starts_with("[finetune] no tensor's whole name matches \"up_proj\"; there are names such as model.embed"));
  CHECK(none.find("model.layers.") != std::string::npos);
  CHECK(error_of(model, {".*", "x"}).find("\"x\"") != std::string::npos);
  CHECK_FALSE(error_of(model, {"("}).empty());
  RunOptions options = options_for({".*"}, 1);
  options.bypass_experts = true;
  CHECK(TrainingRun::memory(model, sentences(model), options).error().message.find("no visual experts") !=
        std::string::npos);
}
