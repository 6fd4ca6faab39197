// Fine-tuning runs: they learn, go on after a stop with the same numbers, and say what stands in their way.
#include <cmath>
#include <cstring>

#include "frontend/session.h"
#include "frontend/training/run_loop.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

// Eight short sentences, told apart by their first tokens, as ids: any tokenizer will do.
Dataset sentences(const Model& model, uint32_t count = 8, uint32_t length = 7) {
  std::string text;
  for (uint32_t s = 0; s < count; ++s) {
    text += "{\"input_ids\": [";
    for (uint32_t i = 0; i < length; ++i)
      text += (i ? ", " : "") + std::to_string(i == 0 ? 10 + s : 20 + (s * 37 + i * i * 11 + i) % 70);
    text += "]}\n";
  }
  DatasetOptions options;
  options.encoding.vocabulary = int64_t(model.config().vocabulary);
  return need(Dataset::parse(text, "sentences", *model.tokenizer(), options));
}

RunOptions options_for(AdapterKind kind) {
  RunOptions options;
  options.adapter = published_adapter(kind);
  options.adapter.lora.r = 8;
  options.adapter.lora.alpha = 16;
  options.adapter.lora.dropout = 0;
  options.schedule.rate = 1e-2;
  options.batches.shuffle = false;
  options.batches.multiple = 8;
  options.accumulate = 1;
  return options;
}

Model tiny_model(const std::string& folder) {
  const auto path = write_tiny_model(folder, {.vocabulary = kTinyTokens});
  write_tiny_tokenizer(path);
  return need(Model::load(*test_device(), path));
}

std::vector<float> values(const AdapterTensors& tensors) {
  std::vector<float> all;
  const auto add = [&](const std::vector<float>& part) { all.insert(all.end(), part.begin(), part.end()); };
  for (const AdapterRouter& router : tensors.routers) add(router.weight);
  for (const AdapterLinear& linear : tensors.linears) {
    add(linear.a);
    add(linear.b);
  }
  return all;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

constexpr AdapterKind kKinds[] = {AdapterKind::lora, AdapterKind::dynmole, AdapterKind::mixlora, AdapterKind::mola};

// Steps until the batch is learnt; fails after `most`.
void learn(Model& model, AdapterKind kind, uint64_t most) {
  RunOptions options = options_for(kind);
  options.steps = most;
  TrainingRun run = need(TrainingRun::create(model, sentences(model), options));
  double loss = 100;
  while (!run.done() && loss >= 0.05) loss = need(run.step()).point.cross_entropy;
  INFO(name(kind) << " after " << run.step_count() << " steps");
  CHECK(loss < 0.05);
}

}  // namespace

TEST_CASE("eight sentences are learnt by heart by every kind of adapter", "[model][finetuning]") {
  if (!test_device()) LK_SKIP(no_device, "fine-tuning");
  Model model = tiny_model("lorikeet-tiny-finetune");
  for (const AdapterKind kind : kKinds) learn(model, kind, 200);
}

TEST_CASE("eight sentences are learnt by heart on the recorded base", "[model][finetuning]") {
  if (!test_device()) LK_SKIP(no_device, "fine-tuning");
  const auto folder = shared_golden("dynmole");
  if (!folder) LK_SKIP(no_shared_goldens, "fine-tuning of the recorded base");
  Model model = need(Model::load(*test_device(), *folder / "base"));
  for (const AdapterKind kind : kKinds) learn(model, kind, 300);
}

TEST_CASE("a run goes on from a checkpoint with the same bits", "[model][finetuning]") {
  if (!test_device()) LK_SKIP(no_device, "fine-tuning");
  Model model = tiny_model("lorikeet-tiny-resume");
  RunOptions options = options_for(AdapterKind::dynmole);
  options.adapter.lora.dropout = 0.1;
  options.batches.shuffle = true;
  options.batches.examples = 3;
  options.accumulate = 2;
  options.epochs = 5;  // of 3 batches: the last step has one batch
  options.schedule.shape = Schedule::Shape::cosine;
  options.schedule.warmup = 2;
  TrainingRun whole = need(TrainingRun::create(model, sentences(model), options));
  REQUIRE(whole.steps() == 8);
  const TemporaryFolder folder;
  while (!whole.done()) {
    const LossPoint point = need(whole.step()).point;
    if (point.step == 4) CHECK(need(whole.evaluate(sentences(model))).cross_entropy > 0);  // changes nothing
  }
  const auto expected = values(need(whole.tensors()));

  uint64_t at = 0;
  for (const uint64_t stop : {1, 3, 6, 8}) {
    TrainingRun part = need(TrainingRun::create(model, sentences(model), options));
    if (at > 0) CHECK(need(part.resume(folder / "c")).empty());
    CHECK(part.step_count() == at);
    while (part.step_count() < stop) need(part.step());
    at = stop;
    need(part.save(folder / "c"));
    if (part.done()) CHECK(same_bits(values(need(part.tensors())), expected));
  }

  RunOptions other = options;
  other.schedule.rate = 1e-3;
  const auto changes = need(need(TrainingRun::create(model, sentences(model), other)).resume(folder / "c"));
  REQUIRE(changes.size() == 1);
  CHECK(changes[0] == "The run was begun with learning rate 0.01 and goes on with 0.001.");
  CHECK(need(need(TrainingRun::create(model, sentences(model, 9), options)).resume(folder / "c")).size() == 2);
  other = options;
  other.adapter.entropy.threshold = 0.5;
  TrainingRun refused = need(TrainingRun::create(model, sentences(model), other));
  CHECK(refused.resume(folder / "c").error().message.find("another adapter") != std::string::npos);
  CHECK_FALSE(refused.step());
  other = options;
  other.adapter.lora.r = 4;
  CHECK(need(TrainingRun::create(model, sentences(model), other))
            .resume(folder / "c")
            .error()
            .message.find("it is of another run") != std::string::npos);
  const std::string bytes = need(read_text(folder / "c"));
  for (const size_t size : {size_t(0), size_t(7), size_t(100), bytes.size() / 2, bytes.size() - 1}) {
    folder.write("cut", std::string_view(bytes).substr(0, size));
    TrainingRun cut = need(TrainingRun::create(model, sentences(model), options));
    CHECK_FALSE(cut.resume(folder / "cut"));
  }
}

TEST_CASE("a run leaves an adapter, a table and a drawing, and stops where it must", "[model][finetuning]") {
  if (!test_device()) LK_SKIP(no_device, "fine-tuning");
  Model model = tiny_model("lorikeet-tiny-folder");
  const TemporaryFolder temporary;
  RunOptions options = options_for(AdapterKind::lora);
  options.steps = 6;
  const Dataset held_out = sentences(model, 4);
  const auto open = [&](bool resume) { return need(RunFolder::open(temporary / "out", resume)); };
  {
    RunFolder folder = open(false);
    TrainingRun run = need(TrainingRun::create(model, sentences(model), options));
    const Status stopped = run_to_end(run, folder, {.stop = [&] { return run.step_count() == 2; }});
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == ErrorCode::cancelled);
    CHECK(stopped.error().message.find("stopped after step 2 of 6") != std::string::npos);
  }
  CHECK(RunFolder::open(temporary / "out", false).error().message.find("in it already") != std::string::npos);
  RunFolder folder = open(true);
  TrainingRun run = need(TrainingRun::create(model, sentences(model), options));
  need(run.resume(folder.checkpoint()));
  need(folder.take_losses(1));  // a table that is behind loses nothing else
  need(run_to_end(run, folder, {.evaluation = &held_out, .evaluate_every = 2, .save_every = 1}));
  const std::string table = need(read_text(folder.path() / "loss.csv"));
  CHECK(table.starts_with("step,epoch,ce,aux,rate,norm,tokens/s,eval loss\n1,"));
  const auto points = read_loss_csv(table, 100);
  REQUIRE(points.size() == 5);
  CHECK(points.back().step == 6);
  CHECK(points.back().evaluation);
  CHECK(points.back().cross_entropy < points.front().cross_entropy);
  CHECK(need(read_text(folder.path() / "loss.svg")).starts_with("<svg"));

  const Adapter adapter = need(open_adapter(folder.path(), adapter_base(model.config())));
  CHECK(same_bits(values(adapter.tensors), values(need(run.tensors()))));
  SessionOptions session_options;
  session_options.adapters = {{&adapter, 1}};
  Session session = need(Session::create(model, session_options));
  const auto loss = [&] {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < held_out.size(); ++i)
      for (const float value : need(session.log_probs(0, held_out[i].tokens))) sum -= double(value), ++count;
    return sum / double(count);
  };
  const double base = loss();
  const uint32_t use[] = {0};
  need(session.set_adapters(0, use));
  CHECK(loss() < base);
  CHECK(std::abs(loss() - *points.back().evaluation) < 1e-3);
}

TEST_CASE("what stops a run is one sentence, and the last checkpoint stays", "[model][finetuning]") {
  if (!test_device()) LK_SKIP(no_device, "fine-tuning");
  Model model = tiny_model("lorikeet-tiny-stops");
  const TemporaryFolder temporary;
  RunOptions options = options_for(AdapterKind::mola);
  options.steps = 30;
  RunFolder folder = need(RunFolder::open(temporary / "out", false));
  {
    TrainingRun good = need(TrainingRun::create(model, sentences(model), options));
    need(good.step());
    need(good.save(folder.checkpoint()));
  }
  const std::string saved = need(read_text(folder.checkpoint()));
  options.schedule.rate = 1e30;
  TrainingRun run = need(TrainingRun::create(model, sentences(model), options));
  const Status stopped = run_to_end(run, folder, {});
  REQUIRE_FALSE(stopped);
  INFO(stopped.error().message);
  CHECK(stopped.error().message.find("is not finite; the first gradient that is not is that of mola.layers.") !=
        std::string::npos);
  CHECK(stopped.error().message.find("[finetune] step ") == 0);
  CHECK(stopped.error().message.find("The last checkpoint, ") != std::string::npos);
  CHECK(need(read_text(folder.checkpoint())) == saved);
  CHECK_FALSE(run.save(folder.checkpoint()));
  CHECK_FALSE(run.step());

  const auto refused = [&](auto change) {
    RunOptions bad = options_for(AdapterKind::dynmole);
    change(bad);
    const auto made = TrainingRun::create(model, sentences(model), bad);
    return made ? std::string() : made.error().message;
  };
  CHECK(refused([](RunOptions& o) { o.adapter.lora.r = 0; }).find("r must") != std::string::npos);
  CHECK(refused([](RunOptions& o) { o.adapter.target_modules = {"x_proj"}; }).find("x_proj") != std::string::npos);
  CHECK_FALSE(refused([](RunOptions& o) { o.accumulate = 0; }).empty());
  CHECK_FALSE(refused([](RunOptions& o) { o.epochs = 0; }).empty());
  CHECK_FALSE(refused([](RunOptions& o) { o.batches.examples = 0; }).empty());

  RunMemory memory = need(TrainingRun::memory(model, sentences(model), options));
  CHECK(memory.rows == 64);
  CHECK(memory.training.parameter_bytes >= memory.numbers * 16);
  CHECK(TrainingRun::check_memory(memory));
  memory.available = memory.total() - 1;
  CHECK(TrainingRun::check_memory(memory).error().code == ErrorCode::out_of_memory);
  temporary.write("file", "");
  CHECK_FALSE(RunFolder::open(temporary / "file", false));
  temporary.write("out/notes.txt", "");
  CHECK(RunFolder::open(temporary / "out", true).error().message.find("notes.txt") != std::string::npos);
}
