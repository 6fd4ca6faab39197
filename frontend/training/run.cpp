#include "frontend/training/run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <set>

#include "frontend/checkpoint/checkpoint_hash.h"
#include "frontend/image/picture.h"
#include "frontend/training/adapter_parameters.h"
#include "frontend/training/run_facts.h"
#include "frontend/training/trained.h"
#include "frontend/training/training_checkpoint.h"
#include "frontend/viewer.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr double kPace = 0.2;  // share of the last step in the mean time of a step

std::string megabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", double(bytes) * 1e-6);
  return text;
}

TrainerOptions trainer_options(Model& model, const RunOptions& options, const Trained& trained,
                               std::vector<Parameter> parameters) {
  TrainerOptions all{.recipe = trained.recipe(),
                     .parameters = std::move(parameters),
                     .optimiser = options.optimiser,
                     .count_padding = options.count_padding,
                     .seed = options.seed,
                     .fuse = options.fuse,
                     .progress = options.progress};
  all.recipe.recompute = options.recompute;
  all.recipe.routers = options.routers;
  all.recipe.distil = options.distil;
  all.recipe.bypass_experts = options.bypass_experts;
  all.pixels = [&model](const std::string& file) -> Result<Pixels> {
    LK_ASSIGN(const Picture picture, read_picture(file, {.alpha = model.config().picture->preprocess.alpha}));
    return see_pixels(model, picture);
  };
  return all;
}

Status check_options(const Model& model, const RunOptions& options) {
  const auto& picture = model.config().picture;
  if (options.bypass_experts && !picture)
    return invalid(join("[finetune] ", model.checkpoint().path().string(),
                        " has no visual experts that could be left out: it is a model for text alone."));
  return Done{};
}

// Steps of the whole run.
Result<uint64_t> count_steps(const RunOptions& options, BatchOrder& order) {
  if (options.accumulate == 0) return invalid("[finetune] expected at least 1 batch a step, given 0.");
  if (options.steps > 0) return options.steps;
  if (options.epochs == 0) return invalid("[finetune] expected at least 1 epoch or step, given 0.");
  uint64_t batches = 0;
  if (options.batches.layout == BatchLayout::padded) batches = order.batches(0) * options.epochs;
  else
    for (uint64_t epoch = 0; epoch < options.epochs; ++epoch) batches += order.batches(epoch);
  return (batches + options.accumulate - 1) / options.accumulate;
}

BatchSize largest_batch(const Dataset& dataset, const BatchOptions& batches) {
  int64_t longest = 0, text = 0;
  size_t pictures = 0;
  std::set<std::string> different;
  for (size_t i = 0; i < dataset.size(); ++i) {
    longest = std::max(longest, dataset.rows(i));
    if (dataset[i].picture.empty()) continue;
    ++pictures;
    different.insert(dataset[i].picture);
    text = std::max(text, int64_t(dataset[i].tokens.size()));
  }
  longest = (longest + batches.multiple - 1) / batches.multiple * batches.multiple;
  const bool packed = batches.layout == BatchLayout::packed;
  const size_t examples = batches.examples ? std::min<size_t>(batches.examples, dataset.size()) : dataset.size();
  BatchSize size{.rows = packed ? batches.rows : longest * int64_t(examples)};
  size.questions = int64_t(std::min(pictures, examples));
  if (pictures > 0) size.questions = std::min(size.questions, size.rows / dataset.visual_tokens());
  size.text_rows = text;
  size.all_pictures = int64_t(different.size());
  size.pictures = std::min(size.questions, size.all_pictures);
  return size;
}

}  // namespace

struct TrainingRun::Impl {
  Model* model;
  Dataset dataset;
  RunOptions options;
  BatchOrder order;
  std::unique_ptr<Trained> trained = nullptr;
  std::optional<Trainer> trainer = std::nullopt;
  BatchPlace place = {};
  double pace = 0;  // seconds a step
  bool broken = false;
  uint64_t generation = 0;  // of the device that the trainer's numbers are on

  Status start();
  bool alive() const { return trainer && model->loaded() && generation == model->generation(); }
  Error not_finite(const char* what) const;
};

// Tensors go by the names that they have in files.
Error TrainingRun::Impl::not_finite(const char* what) const {
  std::string tensor;
  for (const TrainedTensor& one : trained->tensors()) {
    const auto gradient = trainer->read(one.parameter + ".gradient");
    if (!gradient) return gradient.error();
    const auto values = std::span(*gradient).subspan(one.first, one.elements);
    if (std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) continue;
    tensor = one.name;
    break;
  }
  return invalid(join("[finetune] step ", trainer->steps(), ": the ", what, " is not finite",
                      tensor.empty() ? std::string(", though every gradient is")
                                     : join("; the first gradient that is not is that of ", tensor),
                      "; a lower learning rate may help."));
}

TrainingRun::TrainingRun(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TrainingRun::TrainingRun(TrainingRun&&) noexcept = default;
TrainingRun& TrainingRun::operator=(TrainingRun&&) noexcept = default;
TrainingRun::~TrainingRun() = default;

Result<RunMemory> TrainingRun::memory(Model& model, const Dataset& dataset, const RunOptions& options) {
  LK_TRY(check_options(model, options));
  LK_ASSIGN(const BatchOrder order, BatchOrder::create(dataset, options.batches));
  (void)order;
  LK_ASSIGN(const std::unique_ptr<Trained> trained, trained_by(model, options));
  RunMemory memory;
  memory.weight_bytes = model.memory().weight_bytes;
  const BatchSize largest = largest_batch(dataset, options.batches);
  memory.rows = largest.rows;
  memory.pictures = largest.pictures;
  for (const Parameter& parameter : trained->parameters()) memory.numbers += uint64_t(parameter.shape.elements());
  LK_ASSIGN(memory.training,
            Trainer::memory(model, trainer_options(model, options, *trained, trained->parameters()), largest));
  memory.available = model.device().memory_available();
  if (model.loaded()) memory.available += memory.weight_bytes;
  return memory;
}

Status TrainingRun::check_memory(const RunMemory& memory) {
  if (memory.total() <= memory.available) return Done{};
  return Error{
      ErrorCode::out_of_memory,
      join("[finetune] training needs ", megabytes(memory.total()), " on the device, ", megabytes(memory.available),
           " are left: recomputation (--recompute), a smaller batch, shorter examples or a lower rank need less."),
      {}};
}

Result<TrainingRun> TrainingRun::create(Model& model, Dataset dataset, RunOptions options) {
  LK_TRY(check_options(model, options));
  options.batches.seed = options.seed;
  LK_ASSIGN(BatchOrder order, BatchOrder::create(dataset, options.batches));
  LK_ASSIGN(options.schedule.steps, count_steps(options, order));
  options.adapter.base_sha256 = checkpoint_hash(model.checkpoint());
  std::unique_ptr<Impl> impl(new Impl{&model, std::move(dataset), std::move(options), std::move(order)});
  LK_ASSIGN(impl->trained, trained_by(model, impl->options));
  LK_TRY(impl->start());
  return TrainingRun(std::move(impl));
}

Status TrainingRun::Impl::start() {
  trainer.reset();
  if (!model->loaded()) LK_TRY(model->recover());
  LK_ASSIGN(std::vector<Parameter> initial, trained->initial());
  LK_ASSIGN(Trainer made, Trainer::create(*model, trainer_options(*model, options, *trained, std::move(initial))));
  trainer = std::move(made);
  generation = model->generation();
  place = {};
  return Done{};
}

Status TrainingRun::restart() {
  impl_->broken = true;  // until all of it is there
  LK_TRY(impl_->start());
  impl_->broken = false;
  return Done{};
}

uint64_t TrainingRun::step_count() const { return impl_->trainer->steps(); }
uint64_t TrainingRun::steps() const { return impl_->options.schedule.steps; }
const RunOptions& TrainingRun::options() const { return impl_->options; }
Trainer& TrainingRun::trainer() { return *impl_->trainer; }

Result<RunStep> TrainingRun::step() {
  Impl& s = *impl_;
  if (s.broken) return invalid("[finetune] the run has lost its numbers; resume it from its last checkpoint.");
  if (done()) return invalid(join("[finetune] the run is over: all ", steps(), " steps are made."));
  const auto start = std::chrono::steady_clock::now();
  std::vector<Batch> batches;
  BatchPlace next = s.place;
  int64_t tokens = 0;
  while (batches.size() < s.options.accumulate) {
    const bool over = s.options.steps == 0 && next.epoch >= s.options.epochs;
    if (over && !batches.empty()) break;  // the last step may have fewer
    LK_ASSIGN(const std::vector<uint32_t> examples, s.order.examples(next));
    LK_ASSIGN(Batch batch, make_batch(s.dataset, examples, s.options.batches));
    for (const BatchSequence& sequence : batch.sequences) tokens += sequence.length;
    batches.push_back(std::move(batch));
    next = s.order.after(next);
  }
  RunStep report;
  LossPoint& point = report.point;
  point.rate = s.options.schedule.at(s.trainer->steps());
  LK_ASSIGN(const StepReport made, s.trainer->step(batches, point.rate));
  s.place = next;
  const bool bad_loss = !std::isfinite(made.loss.cross_entropy) || !std::isfinite(made.loss.aux);
  s.broken = bad_loss || !std::isfinite(made.gradient_norm);
  if (s.broken) return s.not_finite(bad_loss ? "loss" : "gradient's norm");

  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  s.pace = s.pace == 0 ? seconds : s.pace + (seconds - s.pace) * kPace;
  point.step = s.trainer->steps();
  point.epoch = double(next.epoch) + double(next.index) / double(s.order.batches(next.epoch));
  point.cross_entropy = made.loss.cross_entropy;
  point.aux = made.loss.aux;
  point.gradient_norm = made.gradient_norm;
  point.tokens_per_second = seconds > 0 ? double(tokens) / seconds : 0;
  report.steps = steps();
  report.seconds_left = done() ? 0 : s.pace * double(steps() - point.step);
  return report;
}

Result<TrainingLoss> TrainingRun::evaluate(const Dataset& dataset) {
  BatchOptions in_order = impl_->options.batches;
  in_order.shuffle = in_order.drop_last = false;
  LK_ASSIGN(BatchOrder order, BatchOrder::create(dataset, in_order));
  TrainingLoss sum;
  int64_t labels = 0;
  for (BatchPlace place; place.epoch == 0; place = order.after(place)) {
    LK_ASSIGN(const std::vector<uint32_t> examples, order.examples(place));
    LK_ASSIGN(const Batch batch, make_batch(dataset, examples, in_order));
    LK_ASSIGN(const TrainingLoss loss, impl_->trainer->evaluate(batch));
    sum.cross_entropy += loss.cross_entropy * double(batch.trained);
    sum.aux += loss.aux * double(batch.trained);
    labels += batch.trained;
  }
  return TrainingLoss{sum.cross_entropy / double(labels), sum.aux / double(labels)};
}

Status TrainingRun::save(const std::filesystem::path& file) const {
  const Impl& s = *impl_;
  if (s.broken) return invalid("[finetune] a run whose numbers are not finite is not saved.");
  return write_training_checkpoint(file, *s.trainer,
                                   {s.place, run_facts(s.options, s.dataset, s.model->device().profile().key())});
}

Result<std::vector<std::string>> TrainingRun::resume(const std::filesystem::path& file) {
  Impl& s = *impl_;
  s.broken = true;  // until all of it is taken over
  if (!s.alive()) LK_TRY(s.start());
  LK_ASSIGN(const TrainingPosition position, read_training_checkpoint(file, *s.trainer));
  LK_ASSIGN(std::vector<std::string> changes,
            compare_run_facts(position.facts, run_facts(s.options, s.dataset, s.model->device().profile().key())));
  s.place = position.place;
  if (s.place.index >= s.order.batches(s.place.epoch)) s.place = {s.place.epoch + 1, 0};  // other data
  s.broken = false;
  return changes;
}

Result<AdapterTensors> TrainingRun::tensors() const {
  const Impl& s = *impl_;
  if (!s.options.weights.empty()) return invalid("[finetune] the run trains weights of the model, not an adapter.");
  LK_ASSIGN(AdapterTensors tensors, adapter_layout(s.options.adapter, adapter_base(s.model->config())));
  LK_TRY(read_adapter_parameters(tensors, kAdapterParameters,
                                 [&](const std::string& name) { return s.trainer->read(name); }));
  return tensors;
}

Status TrainingRun::write(const std::filesystem::path& folder) const {
  if (impl_->broken) return invalid("[finetune] a run whose numbers are not finite is not written.");
  return impl_->trained->write(folder, [&](const std::string& state) { return impl_->trainer->read(state); });
}

std::filesystem::path TrainingRun::result(const std::filesystem::path& folder) const {
  return impl_->trained->place(folder);
}

}  // namespace lorikeet
