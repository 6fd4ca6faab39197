#include <filesystem>
#include <system_error>

#include "frontend/api/handles.h"
#include "frontend/training/run.h"

using namespace lorikeet;
using namespace lorikeet::api;

struct lk_trainer {
  lk_model* parent;
  TrainingRun run;
  std::atomic<int> children{0};
};

namespace {

constexpr int64_t kMaxTokens = 512;
constexpr double kWeightRate = 2e-5;

Result<AdapterConfig> adapter_of(const lk_trainer_options& o) {
  constexpr AdapterKind kKinds[] = {AdapterKind::dynmole, AdapterKind::lora, AdapterKind::mixlora, AdapterKind::mola};
  if (o.kind < LK_ADAPTER_DYNMOLE || o.kind > LK_ADAPTER_MOLA)
    return invalid(
        join("lk_trainer_options.kind is dynmole (0), lora (1), mixlora (2) or mola (3), not ", o.kind, "."));
  AdapterConfig adapter = published_adapter(kKinds[o.kind]);
  if (o.rank > 0) {
    adapter.lora.r = o.rank;
    adapter.lora.alpha = 2.0 * o.rank;
  }
  if (o.alpha != 0) adapter.lora.alpha = o.alpha;
  if (o.dropout != 0) adapter.lora.dropout = o.dropout < 0 ? 0 : o.dropout;
  if (o.experts > 0 && adapter.kind != AdapterKind::lora) adapter.experts = o.experts;
  return adapter;
}

Result<RunOptions> run_options(const lk_trainer_options& o) {
  RunOptions options;
  if (o.weight_count > 0) {
    LK_TRY(need("lk_trainer_options.weights", {o.weights}));
    for (const char* pattern : std::span(o.weights, o.weight_count)) {
      LK_TRY(need("lk_trainer_options.weights", {pattern}));
      options.weights.emplace_back(pattern);
    }
    options.schedule.rate = kWeightRate;
  } else {
    LK_ASSIGN(options.adapter, adapter_of(o));
  }
  options.bypass_experts = o.no_experts != 0;
  if (o.batch > 0) options.batches.examples = o.batch;
  if (o.accumulate > 0) options.accumulate = o.accumulate;
  if (o.rate != 0) options.schedule.rate = o.rate;
  if (o.epochs > 0) options.epochs = o.epochs;
  if (o.seed > 0) options.seed = o.seed;
  options.steps = o.steps;
  options.fuse = Options::from_environment().fuse;
  options.progress = progress_of(o.progress, o.progress_user, "kernels");
  return options;
}

Result<Dataset> read_data(const char* file, const Model& model, const lk_trainer_options& o) {
  if (!model.tokenizer()) return invalid("[finetune] the model has no tokenizer, which examples need.");
  DatasetOptions options;
  options.encoding.answers_only = o.answers_only != 0;
  options.encoding.vocabulary = int64_t(model.config().vocabulary);
  if (const auto& picture = model.config().picture) options.encoding.visual_tokens = picture->visual_tokens();
  options.max_tokens = o.max_tokens != 0 ? o.max_tokens : kMaxTokens;
  return Dataset::read(file, *model.tokenizer(), options);
}

}  // namespace

lk_status lk_trainer_create(lk_model* model, const char* data, const lk_trainer_options* given, lk_trainer** trainer) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_trainer_create", {model, data, trainer}));
    *trainer = nullptr;
    LK_ASSIGN(const lk_trainer_options o, read_options(given, "lk_trainer_options"));
    LK_ASSIGN(RunOptions options, run_options(o));
    LK_ASSIGN(Dataset dataset, read_data(data, model->model, o));
    LK_ASSIGN(const RunMemory memory, TrainingRun::memory(model->model, dataset, options));
    LK_TRY(TrainingRun::check_memory(memory));
    LK_ASSIGN(TrainingRun run, TrainingRun::create(model->model, std::move(dataset), std::move(options)));
    *trainer = new lk_trainer{model, std::move(run)};
    ++model->children;
    return Done{};
  });
}

lk_status lk_trainer_free(lk_trainer* trainer) { return release(trainer, "trainer"); }

lk_status lk_trainer_step(lk_trainer* trainer, lk_training_step* step) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_trainer_step", {trainer}));
    LK_ASSIGN(const RunStep made, trainer->run.step());
    if (!step) return Done{};
    const LossPoint& p = made.point;
    return write_struct(lk_training_step{sizeof(lk_training_step), p.step, made.steps, p.epoch, p.cross_entropy, p.aux,
                                         p.rate, p.gradient_norm, p.tokens_per_second, made.seconds_left},
                        step, "lk_training_step");
  });
}

lk_status lk_trainer_save(lk_trainer* trainer, const char* folder) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_trainer_save", {trainer, folder}));
    if (!trainer->run.options().weights.empty()) {
      std::error_code failure;
      std::filesystem::create_directories(folder, failure);
      if (failure)
        return Error{ErrorCode::io, join("[finetune] cannot make ", folder, ": ", failure.message(), "."), {}};
      return trainer->run.write(folder);
    }
    LK_ASSIGN(const AdapterTensors tensors, trainer->run.tensors());
    return write_adapter(folder, trainer->run.options().adapter, tensors, {.replace = true});
  });
}

lk_status lk_trainer_save_checkpoint(lk_trainer* trainer, const char* file) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_trainer_save_checkpoint", {trainer, file}));
    return trainer->run.save(file);
  });
}

lk_status lk_trainer_resume(lk_trainer* trainer, const char* file) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_trainer_resume", {trainer, file}));
    LK_ASSIGN(const auto changes, trainer->run.resume(file));
    for (const std::string& change : changes) trainer->parent->parent->device.log(change);
    return Done{};
  });
}
