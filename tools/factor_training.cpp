#include "tools/factor_training.h"

#include <atomic>

#include "runtime/base/text.h"
#include "tools/terminal.h"
#include "tools/training_progress.h"

namespace lorikeet::tool {
namespace {

RouterView view_from(const std::string& text) {
  return text == "dense" ? RouterView::dense : text == "chained" ? RouterView::chained : RouterView::own;
}

// A model whose tokenizer can read the data.
Result<Model> open_model(Device& device, const std::filesystem::path& path) {
  LK_ASSIGN(Model model, Model::open(device, path, {.notice = [](const std::string& line) { say(line); }}));
  if (model.tokenizer()) return model;
  return model.tokenizer_error().value_or(
      Error{ErrorCode::not_found, join("[factor] ", path.string(), " has no tokenizer, which the data need."), {}});
}

}  // namespace

void FactorTraining::add(CLI::App& command) {
  const auto number = [&](const char* name, auto& value, const char* text) {
    return command.add_option(name, value, text)->option_text("N");
  };
  const auto word = [&](const char* name, std::string& value, const char* text, std::vector<std::string> words) {
    return command.add_option(name, value, text)->option_text("NAME")->check(CLI::IsMember(std::move(words)));
  };
  command
      .add_option("--data", data,
                  "What clusters are seen on and training learns from: a text (.txt), token ids (packed .bin, .pt,\n"
                  ".safetensors), or examples as finetune takes them. Example: --data text.txt")
      ->option_text("FILE");
  word("--stage", stage,
       "What is trained: routers, experts (under routers as they are), or both, one after the other (routers if there\n"
       "are data, else nothing). Example: --stage both",
       {"routers", "experts", "both"});
  number("--tokens", tokens, "Tokens that each stage learns from (50000). Example: --tokens 200000")
      ->check(CLI::PositiveNumber);
  number("--batch", batch, "Examples of a step (4). Example: --batch 1")->check(CLI::Range(1, 4096));
  number("--max-tokens", max_tokens, "Tokens of an example (256). Example: --max-tokens 512")
      ->check(CLI::Range(2, 1 << 20));
  command.add_option("--lr", rate, "Learning rate (1e-3 for routers, 4e-5 for experts). Example: --lr 1e-4")
      ->option_text("X")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--lr-floor", floor,
                  "Where the cosine of the rate ends, as a share of it (0). Example: --lr-floor 0.001")
      ->option_text("X")
      ->check(CLI::Range(0.0, 1.0));
  number("--warmup", warmup, "Steps in which the rate rises from 0 (0). Example: --warmup 500");
  word("--optimizer", optimiser, "adam (with L2 decay, as published) or adamw (adam). Example: --optimizer adamw",
       {"adam", "adamw"});
  word("--view", view,
       "What a router sees while it learns: its layer's own input as in use (own), the dense model's (dense), or, as\n"
       "published, what the dense network before makes of such an input (chained), which overflows on real models\n"
       "(own). Example: --view dense",
       {"own", "dense", "chained"});
  command.add_flag("--distil", distil,
                   "Experts learn what the dense model says instead of the tokens that follow. Example: --distil");
  command.add_flag("--recompute", recompute, "Less memory for experts, more time. Example: --recompute");
  number("--save-every", save_every,
         "Steps between two checkpoints; 0: at the end only (50). Example: --save-every 20");
  command.add_flag("--resume", resume,
                   "Goes on with what was stopped, as if it had not; the other options as they were.\n"
                   "Example: --resume");
  device.add(command);
}

std::vector<FactorStage> FactorTraining::stages() const {
  if (data.empty()) return {};
  if (stage == "experts") return {FactorStage::experts};
  if (stage == "both") return {FactorStage::routers, FactorStage::experts};
  return {FactorStage::routers};
}

DatasetOptions FactorTraining::dataset(const DecoderConfig& config) const {
  DatasetOptions options;
  options.encoding.vocabulary = int64_t(config.vocabulary);
  options.max_tokens = max_tokens;
  return options;
}

RunOptions FactorTraining::options(FactorStage stage) const {
  RunOptions options = stage_options(stage);
  if (options.routers) options.routers->view = view_from(view);
  options.optimiser.decoupled = optimiser == "adamw";
  if (rate > 0) options.schedule.rate = rate;
  options.schedule.floor = floor * options.schedule.rate;
  options.schedule.warmup = warmup;
  options.batches.examples = batch;
  options.steps = (tokens + batch * uint64_t(max_tokens) - 1) / (batch * uint64_t(max_tokens));
  options.recompute = recompute;
  options.distil = distil && stage == FactorStage::experts;
  options.seed = seed;
  options.fuse = device.environment().fuse;
  return options;
}

Result<std::vector<uint32_t>> FactorTraining::clusters(const std::string& path, uint32_t experts) const {
  LK_ASSIGN(Device device, this->device.open());
  LK_ASSIGN(Model model, open_model(device, path));
  LK_ASSIGN(const Dataset text, read_data(data, model, dataset(model.config())));
  LK_TRY(model.upload());
  std::atomic<bool> interrupted{false};
  const OnInterrupt on_interrupt([&] { interrupted = true; });
  ProgressLine progress("clustering");
  say("watching which neurons fire together");
  auto order =
      clustered_order(model, text, {.experts = experts, .seed = seed, .progress = [&](size_t done, size_t total) {
                                      progress.show(done, total);
                                      return !interrupted;
                                    }});
  progress.end();
  return order;
}

Result<std::filesystem::path> FactorTraining::train(std::filesystem::path path,
                                                    const std::filesystem::path& work) const {
  LK_ASSIGN(Device device, this->device.open());
  for (const FactorStage stage : stages()) {
    const std::filesystem::path place = work / name(stage);
    LK_ASSIGN(RunFolder folder, RunFolder::open(place, resume));
    if (const auto made = place / "model.gguf"; std::filesystem::exists(made)) {
      say(join("the ", name(stage), " are trained already: ", made.string()));
      path = made;
      continue;
    }
    LK_ASSIGN(Model model, open_model(device, path));
    LK_ASSIGN(Dataset text, read_data(data, model, dataset(model.config())));
    const RunOptions options = this->options(stage);
    LK_ASSIGN(const RunMemory memory, TrainingRun::memory(model, text, options));
    say(join("training the ", name(stage), "; ", memory_text(memory)));
    LK_TRY(TrainingRun::check_memory(memory));
    LK_TRY(model.upload());
    LK_ASSIGN(TrainingRun run, TrainingRun::create(model, std::move(text), options));
    LK_TRY(run_shown(run, folder, {.resume = resume, .save_every = save_every}));
    path = run.result(place);
  }
  return path;
}

}  // namespace lorikeet::tool
