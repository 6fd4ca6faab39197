// Whatever submission loses the device and whatever allocation fails while a run is going on: what it trains has the
// bits that it would have had.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>

#include "frontend/training/run_loop.h"
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

struct Outcome {
  std::string trained;  // the last checkpoint: all trained numbers with their moments
  std::string losses;
  int recoveries = 0;
  bool fault_seen = false;
};

RunOptions options() {
  RunOptions options;
  options.weights = {R"(blk\.0\.attn_q\.weight)", "token_embd.weight"};
  options.schedule.rate = 1e-2;
  options.batches.examples = 1;
  options.accumulate = 2;
  options.steps = 3;
  return options;
}

// Loading a model and beginning a run are not the run's business: who does that tries again.
Result<TrainingRun> begin(Device& device, std::optional<Model>& model, const std::filesystem::path& path,
                          bool& fault_seen) {
  const auto look = [&](const Error& error) {
    fault_seen |= error.message.find("LORIKEET_FAULT") != std::string::npos;
  };
  auto loaded = Model::load(device, path);
  if (!loaded) {
    look(loaded.error());
    if (device.lost()) LK_TRY(device.reopen());
    loaded = Model::load(device, path);
  }
  if (!loaded) return loaded.error();
  model = std::move(*loaded);
  DatasetOptions data;
  data.encoding.vocabulary = int64_t(model->config().vocabulary);
  const Dataset sentences = need(Dataset::parse("{\"input_ids\": [10, 20, 31]}\n{\"input_ids\": [11, 50, 52, 33]}\n",
                                                "s", *model->tokenizer(), data));
  auto run = TrainingRun::create(*model, sentences, options());
  if (run) return run;
  look(run.error());
  if (!model->loaded()) LK_TRY(model->recover());
  return TrainingRun::create(*model, sentences, options());
}

Result<Outcome> outcome(const std::filesystem::path& path, const std::string& fault, uint64_t save_every) {
  Options device_options = test::device_options();
  device_options.validation = false;
  device_options.fault = fault;
  Outcome made;
  auto device_made = Device::open({device_options, [&](const std::string& line) {
                                     made.fault_seen |= line.find("LORIKEET_FAULT") != std::string::npos;
                                   }});
  if (!device_made) return device_made.error();
  Device device = std::move(*device_made);
  std::optional<Model> model;
  LK_ASSIGN(TrainingRun run, begin(device, model, path, made.fault_seen));
  const TemporaryFolder temporary;
  LK_ASSIGN(RunFolder folder, RunFolder::open(temporary / "out", false));
  uint64_t last = 0;
  const RunLoop loop{.save_every = save_every,
                     .on_step =
                         [&](const RunStep& step) {
                           CHECK(step.point.step <= last + 1);  // made again, never left out
                           last = step.point.step;
                         },
                     .on_recovery =
                         [&](const std::string& sentence) {
                           ++made.recoveries;
                           made.fault_seen |= sentence.find("LORIKEET_FAULT") != std::string::npos;
                         }};
  LK_TRY(run_to_end(run, folder, loop));
  LK_ASSIGN(made.trained, read_text(folder.checkpoint()));
  for (const LossPoint& point : folder.losses())
    made.losses += std::to_string(point.step) + " " + std::to_string(point.cross_entropy) + "\n";
  return made;
}

}  // namespace

TEST_CASE("a fault at any submission or allocation changes nothing that a run trains", "[model][finetuning]") {
  if (!test_device()) LK_SKIP(no_device, "recovery");
  const auto path = write_tiny_model(
      "lorikeet-tiny-training-recovery",
      {.layers = 1, .hidden = 32, .heads = 2, .kv_heads = 1, .intermediate = 32, .vocabulary = kTinyTokens});
  write_tiny_tokenizer(path);
  const Outcome expected = need(outcome(path, "", 1));
  REQUIRE(expected.recoveries == 0);
  // As many as some seconds hold, where the device compiles the kernels anew for each run.
  const auto start = std::chrono::steady_clock::now();
  need(outcome(path, "", 1));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const uint64_t step = 1 + uint64_t(seconds * 150 / 20);
  for (const char* kind : {"submit:", "allocate:"}) {
    int recoveries = 0;
    for (uint64_t n = 1;; n += step) {
      const std::string fault = kind + std::to_string(n);
      INFO(fault);
      const Outcome got = need(outcome(path, fault, n % 2));  // with checkpoints, and from the beginning
      recoveries += got.recoveries;
      const bool same_bits = got.trained == expected.trained;
      REQUIRE(same_bits);
      REQUIRE(got.losses == expected.losses);
      if (got.fault_seen) continue;  // otherwise the run has fewer
      std::printf("faults: %s1 to %llu in steps of %llu, %d recoveries\n", kind, static_cast<unsigned long long>(n - 1),
                  static_cast<unsigned long long>(step), recoveries);
      break;
    }
    CHECK(recoveries > 0);
  }
}

TEST_CASE("a run is taken up from its checkpoint on a device that was opened again", "[model][finetuning]") {
  if (!test_device()) LK_SKIP(no_device, "recovery");
  const auto path =
      write_tiny_model("lorikeet-tiny-training-lost", {.layers = 1, .hidden = 32, .vocabulary = kTinyTokens});
  write_tiny_tokenizer(path);
  Device device = need(Device::open({test::device_options(), {}}));
  std::optional<Model> model;
  bool fault_seen = false;
  TrainingRun run = need(begin(device, model, path, fault_seen));
  const TemporaryFolder temporary;
  need(run.step());
  need(run.save(temporary / "c"));
  const auto before = need(run.trainer().read("token_embd.weight"));
  need(run.step());
  need(model->recover());  // all that was made on the device before is dead
  CHECK(need(run.resume(temporary / "c")).empty());
  CHECK(run.step_count() == 1);
  const bool same_bits = need(run.trainer().read("token_embd.weight")) == before;
  CHECK(same_bits);
  need(run.restart());
  CHECK(run.step_count() == 0);
}
