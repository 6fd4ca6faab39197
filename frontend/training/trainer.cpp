#include "frontend/training/trainer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>

#include "frontend/training/batch_pictures.h"
#include "frontend/training/batch_rows.h"
#include "frontend/training/frozen_tower.h"
#include "frontend/training/learnt_rows.h"
#include "runtime/base/text.h"
#include "runtime/graph/fuse.h"
#include "runtime/plan/plan.h"
#include "runtime/plan/upload.h"
#include "shaders/adamw.h"

namespace lorikeet {
namespace {

constexpr int64_t kRowStep = 32;  // plans are made for multiples of it

int64_t rows_of(int64_t rows) { return (rows + kRowStep - 1) / kRowStep * kRowStep; }

// What plans differ in.
struct PassShape {
  int64_t rows = 0, learnt = 0, pictures = 0, questions = 0, text_rows = 0;
  bool learns = true;
  auto operator<=>(const PassShape&) const = default;
};

PassShape shape_of(const Batch& batch, const BatchPictures& pictures, bool learns) {
  PassShape shape{.rows = rows_of(batch.rows()),
                  .learnt = learnt_count(batch, rows_of(batch.rows())),
                  .pictures = int64_t(pictures.paths.size()),
                  .questions = int64_t(pictures.shown.size()),
                  .learns = learns};
  for (const BatchSequence& sequence : batch.sequences)
    if (sequence.picture_row >= 0) shape.text_rows = std::max(shape.text_rows, rows_of(int64_t(sequence.asked.size())));
  return shape;
}

TrainingShape training_shape(const PassShape& shape) {
  return {.rows = shape.rows,
          .learnt = shape.learnt,
          .control_words = batch_control_words(shape.rows),
          .pictures = shape.pictures,
          .questions = shape.questions,
          .text_rows = shape.text_rows,
          .text_words = shape.pictures ? batch_control_words(shape.questions * shape.text_rows) : 0,
          .gradients = shape.learns};
}

}  // namespace

struct Trainer::Impl {
  struct Pass {
    PassShape shape;
    std::map<std::string, Buffer> states;  // the batch's own
    std::unique_ptr<Plan> plan;
  };

  Model* model;
  TrainerOptions options;
  ParameterMemory memory;
  Uploader uploader;
  Buffer step_values, seed, fresh;
  std::unique_ptr<Buffer> scratch;
  std::map<PassShape, std::unique_ptr<Pass>> passes;
  std::unique_ptr<FrozenTower> tower;
  std::unique_ptr<Plan> update;
  uint64_t steps = 0, dropped = 0;  // steps made; passes, for dropout

  Result<Pass*> pass(const PassShape& shape);
  Status see(const Batch& batch, const BatchPictures& pictures, const Pass& pass);
  Status put_features(const BatchPictures& pictures, const Pass& pass);
  Status put_pixels(const BatchPictures& pictures, const Pass& pass);
  Result<Plan*> update_plan();
  Result<std::unique_ptr<Plan>> plan(const std::string& name, const Graph& graph, const StorageOf& storage);
  Result<std::vector<Slice>> storage(const GraphTensor& info, const Pass* pass) const;
  enum class Gradients { fresh, added, none };
  Result<TrainingLoss> run(const Batch& batch, Gradients gradients);
  Result<double> number(const Plan& plan, std::string_view name) const;
  Status put(const Buffer& buffer, std::span<const std::byte> bytes) {
    return uploader.write({&buffer, 0, bytes.size()}, bytes);
  }
  // The batch's own state of this name, where the pass has one.
  template <class Values>
  Status put(const Pass& pass, const std::string& name, const Values& values) {
    const auto found = pass.states.find(name);
    return found == pass.states.end() ? Status(Done{}) : put(found->second, std::as_bytes(std::span(values)));
  }
};

Result<std::vector<Slice>> Trainer::Impl::storage(const GraphTensor& info, const Pass* pass) const {
  if (info.kind == TensorKind::weight) return model->storage(info);
  if (auto slices = memory.storage(info.name); !slices.empty()) return slices;
  const Buffer* buffer = info.name == "step"    ? &step_values
                         : info.name == "seed"  ? &seed
                         : info.name == "fresh" ? &fresh
                                                : nullptr;
  if (!buffer && pass)
    if (const auto found = pass->states.find(info.name); found != pass->states.end()) buffer = &found->second;
  if (!buffer) return Error{ErrorCode::internal, join("[trainer] has no state named ", info.name, "."), {}};
  return std::vector<Slice>{{buffer, 0, buffer->size()}};
}

// All plans share one arena, which is as large as the largest of them.
Result<std::unique_ptr<Plan>> Trainer::Impl::plan(const std::string& name, const Graph& graph,
                                                  const StorageOf& storage) {
  Device& device = model->device();
  LK_ASSIGN(Draft drafted,
            draft(graph, {.profile = &device.profile(), .table = &model->choices(), .kernels = &model->kernels()}));
  if (!scratch || scratch->size() < drafted.scratch_bytes) {
    LK_TRY(uploader.finish());
    passes.clear();
    update.reset();
    scratch.reset();
    LK_ASSIGN(Buffer arena,
              device.create_buffer({std::max<uint64_t>(drafted.scratch_bytes, 256), MemoryUse::device, "scratch"}));
    scratch = std::make_unique<Buffer>(std::move(arena));
  }
  const PlanRequest request{name, storage, {scratch.get(), 0, scratch->size()}, options.progress, options.timestamps};
  LK_ASSIGN(Plan made, Plan::create(device, model->kernels(), graph, std::move(drafted), request));
  return std::make_unique<Plan>(std::move(made));
}

Result<Trainer::Impl::Pass*> Trainer::Impl::pass(const PassShape& shape) {
  if (const auto found = passes.find(shape); found != passes.end()) return found->second.get();
  auto made = std::make_unique<Pass>();
  made->shape = shape;
  TrainingRecipe recipe = options.recipe;
  recipe.dropout = recipe.dropout && shape.learns;
  Graph graph =
      build_training_pass(model->config(), model->weights(), recipe, options.parameters, training_shape(shape));
  if (options.fuse) fuse(graph, model->device().profile());
  for (const GraphTensor& info : graph.tensors()) {
    const bool own = info.kind == TensorKind::state && info.alias_of < 0 && memory.storage(info.name).empty() &&
                     info.name != "seed" && info.name != "fresh";
    if (!own || made->states.contains(info.name)) continue;
    const uint64_t bytes = (uint64_t(info.tensor.shape.elements()) * 4 + 255) / 256 * 256;
    LK_ASSIGN(Buffer buffer, model->device().create_buffer({bytes, MemoryUse::device, info.name}));
    made->states.emplace(info.name, std::move(buffer));
  }
  const Pass* pass = made.get();
  LK_ASSIGN(made->plan, plan(join(shape.learns ? "train " : "evaluate ", shape.rows), graph,
                             [this, pass](const GraphTensor& info) { return storage(info, pass); }));
  if (made->states.contains("pixels")) {
    const TowerLists lists = tower_lists(*model->config().picture, shape.pictures);
    LK_TRY(put(*made, "tower.tokens", lists.tokens));
    LK_TRY(put(*made, "tower.positions", lists.positions));
    LK_TRY(put(*made, "tower.spans", lists.spans));
  }
  return (passes[shape] = std::move(made)).get();
}

Result<Plan*> Trainer::Impl::update_plan() {
  if (update) return update.get();
  const Graph graph = build_training_update(options.parameters, options.optimiser);
  LK_ASSIGN(update, plan("update", graph, [this](const GraphTensor& info) { return storage(info, nullptr); }));
  return update.get();
}

Result<double> Trainer::Impl::number(const Plan& plan, std::string_view name) const {
  LK_ASSIGN(Slice slice, plan.output(name));
  slice.size = 4;
  LK_ASSIGN(const auto bytes, download(model->device(), slice));
  float value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return double(value);
}

// The pictures of the batch, and the texts that route them.
Status Trainer::Impl::see(const Batch& batch, const BatchPictures& pictures, const Pass& pass) {
  if (pictures.paths.empty()) return Done{};
  if (pass.states.contains("pixels")) LK_TRY(put_pixels(pictures, pass));
  else LK_TRY(put_features(pictures, pass));
  LK_TRY(put(pass, "shown", shown_list(pictures, *model->config().picture, pass.states.contains("pixels"))));
  LK_TRY(put(pass, "classes", class_list(pass.shape.questions, model->config().picture->visual_tokens())));
  LK_TRY(put(pass, "asked", asked_table(batch, pass.shape.text_rows)));
  return Done{};
}

// For a frozen tower.
Status Trainer::Impl::put_features(const BatchPictures& pictures, const Pass& pass) {
  if (!tower) {
    LK_ASSIGN(FrozenTower made, FrozenTower::create(*model));
    tower = std::make_unique<FrozenTower>(std::move(made));
  }
  const PictureConfig& config = *model->config().picture;
  const uint64_t bytes = uint64_t(config.visual_tokens()) * config.tower_hidden * 4;
  const Buffer& features = pass.states.at("features");
  for (size_t i = 0; i < pictures.paths.size(); ++i)
    LK_TRY(tower->see(pictures.paths[i], options.pixels, {&features, i * bytes, bytes}));
  return Done{};
}

// For one that learns.
Status Trainer::Impl::put_pixels(const BatchPictures& pictures, const Pass& pass) {
  const PictureConfig& config = *model->config().picture;
  const size_t plane = size_t(config.side) * config.side, count = pictures.paths.size();
  std::vector<float> all(config.channels * count * plane);
  for (size_t i = 0; i < count; ++i) {
    LK_ASSIGN(const Pixels pixels, options.pixels(pictures.paths[i]));
    if (pixels->size() != config.channels * plane)
      return invalid(
          join(pictures.paths[i], " has ", pixels->size(), " values, the model sees ", config.channels * plane, "."));
    for (size_t c = 0; c < config.channels; ++c)
      std::copy_n(pixels->begin() + int64_t(c * plane), plane, all.begin() + int64_t((c * count + i) * plane));
  }
  return put(pass, "pixels", all);
}

// Forward, and backward if gradients are wanted: instead of those of earlier batches or added to them.
Result<TrainingLoss> Trainer::Impl::run(const Batch& batch, Gradients gradients) {
  const bool learns = gradients != Gradients::none;
  const BatchPictures pictures = batch_pictures(batch);
  const auto& picture = model->config().picture;
  if (!pictures.paths.empty() && (!picture || !options.pixels))
    return invalid(
        join("the batch has the picture ", pictures.paths.front(), ", but the model or the run has no eyes."));
  for (const BatchSequence& sequence : batch.sequences)
    if (sequence.picture_row >= 0 && sequence.asked.empty() && picture->use_experts && !options.recipe.bypass_experts)
      return invalid(
          join("expected a question about ", sequence.picture,
               " to route the visual experts by, given a text alone; without the experts it can be learnt."));
  LK_ASSIGN(Pass * pass, this->pass(shape_of(batch, pictures, learns)));
  const BatchRows rows = batch_rows(batch, pass->shape.rows,
                                    {.window = model->config().windows[0],
                                     .count_padding = options.count_padding,
                                     .visual_tokens = picture ? picture->visual_tokens() : 0});
  LK_TRY(see(batch, pictures, *pass));
  LK_TRY(put(*pass, "control", rows.control));
  LK_TRY(put(*pass, "spans", rows.spans));
  if (pass->shape.learnt == pass->shape.rows) {
    LK_TRY(put(*pass, "target", rows.target));
    LK_TRY(put(*pass, "loss_weights", rows.loss_weights));
  } else {
    const LearntRows learnt = learnt_rows(rows, pass->shape.learnt);
    LK_TRY(put(*pass, "learnt", learnt.list));
    LK_TRY(put(*pass, "target", learnt.target));
    LK_TRY(put(*pass, "loss_weights", learnt.loss_weights));
  }
  LK_TRY(put(*pass, "counted", rows.counted));
  LK_TRY(put(*pass, "balanced", rows.balanced));
  const uint32_t seed_words[] = {uint32_t(options.seed), uint32_t(options.seed >> 32), uint32_t(dropped)};
  dropped += learns;
  const uint32_t fresh_word[] = {gradients == Gradients::fresh};
  LK_TRY(put(seed, std::as_bytes(std::span(seed_words))));
  LK_TRY(put(fresh, std::as_bytes(std::span(fresh_word))));
  LK_ASSIGN(const Ticket ticket, pass->plan->submit());
  LK_TRY(model->device().wait(ticket));
  TrainingLoss loss;
  LK_ASSIGN(loss.cross_entropy, number(*pass->plan, "cross_entropy"));
  LK_ASSIGN(loss.aux, number(*pass->plan, "aux"));
  return loss;
}

// --- the trainer -----------------------------------------------------------------------------------------------------

Trainer::Trainer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Trainer::Trainer(Trainer&&) noexcept = default;
Trainer& Trainer::operator=(Trainer&&) noexcept = default;
Trainer::~Trainer() = default;

namespace {

bool is_among(const std::vector<Parameter>& parameters, const std::string& name) {
  return std::any_of(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == name; });
}

// Experts are trained as gates, ups and downs together.
Status check_experts(const DecoderConfig& config, const TrainerOptions& options) {
  const std::vector<Parameter>& parameters = options.parameters;
  if (options.recipe.routers && !config.factor)
    return invalid("the model has no routers that could learn: it is not factored.");
  if (options.recipe.distil && !config.factor)
    return invalid("the model has no dense model in it that could teach: it is not factored.");
  size_t experts = 0;
  for (uint32_t layer = 0; layer < config.layers; ++layer)
    for (const WeightRole role : {WeightRole::slice_gate, WeightRole::slice_up, WeightRole::slice_down})
      experts += is_among(parameters, weight_name(*config.family, role, layer, Naming::gguf));
  if (options.recipe.distil && experts < parameters.size())
    return invalid(
        "distillation trains the experts of a factored model alone; other tensors are among the parameters.");
  const auto check = [&](WeightRole gate, uint32_t layer) -> Status {
    std::string missing, present;
    for (const int part : {0, 1, 2}) {
      const std::string name = weight_name(*config.family, WeightRole(int(gate) + part), layer, Naming::gguf);
      (is_among(parameters, name) ? present : missing) = name;
    }
    if (missing.empty() || present.empty()) return Done{};
    return unsupported(join("the gates, ups and downs of experts are trained together: ", present,
                            " is among the parameters, ", missing, " is not."));
  };
  for (uint32_t layer = 0; config.factor && layer < config.layers; ++layer)
    LK_TRY(check(WeightRole::slice_gate, layer));
  return config.picture && config.picture->use_experts ? check(WeightRole::expert_gate, 0) : Status(Done{});
}

}  // namespace

Result<Trainer> Trainer::create(Model& model, TrainerOptions options) {
  if (options.parameters.empty() && !options.recipe.keep_neurons)
    return invalid("nothing is to be trained: there are no parameters.");
  for (const uint32_t window : model.config().windows)
    if (window != model.config().windows[0])
      return unsupported("training of a model whose layers look back over different windows is not supported.");
  LK_TRY(check_experts(model.config(), options));
  Device& device = model.device();
  LK_ASSIGN(ParameterMemory memory, ParameterMemory::create(device, options.parameters));
  for (Parameter& parameter : options.parameters) std::vector<float>().swap(parameter.values);
  LK_ASSIGN(Uploader uploader, Uploader::create(device, 4 << 20, 8));
  LK_ASSIGN(Buffer step_values, device.create_buffer({256, MemoryUse::device, "step"}));
  LK_ASSIGN(Buffer seed, device.create_buffer({256, MemoryUse::device, "seed"}));
  LK_ASSIGN(Buffer fresh, device.create_buffer({256, MemoryUse::device, "fresh"}));
  return Trainer(std::unique_ptr<Impl>(new Impl{&model, std::move(options), std::move(memory), std::move(uploader),
                                                std::move(step_values), std::move(seed), std::move(fresh)}));
}

Result<TrainingMemory> Trainer::memory(Model& model, const TrainerOptions& options, const BatchSize& batch) {
  LK_TRY(check_experts(model.config(), options));
  TrainingMemory memory;
  memory.parameter_bytes = ParameterMemory::bytes(options.parameters);
  const TrainingShape shape = training_shape({.rows = rows_of(batch.rows),
                                              .learnt = rows_of(batch.rows),
                                              .pictures = batch.pictures,
                                              .questions = batch.questions,
                                              .text_rows = batch.pictures ? rows_of(batch.text_rows) : 0});
  Graph graph = build_training_pass(model.config(), model.weights(), options.recipe, options.parameters, shape);
  if (options.fuse) fuse(graph, model.device().profile());
  LK_ASSIGN(
      const Draft drafted,
      draft(graph, {.profile = &model.device().profile(), .table = &model.choices(), .kernels = &model.kernels()}));
  memory.activation_bytes = drafted.scratch_bytes;
  memory.table_bytes = uint64_t(shape.control_words + shape.rows * 8 + shape.text_words) * 4;
  if (shape.pictures == 0) return memory;
  const PictureConfig& picture = *model.config().picture;
  memory.table_bytes +=
      uint64_t(wanted_list_words(shape.questions * picture.visual_tokens()) + wanted_list_words(shape.questions)) * 4;
  if (trains_tower(model.weights(), options.parameters)) {
    const TowerLists lists = tower_lists(picture, shape.pictures);
    memory.table_bytes += (lists.tokens.size() + lists.positions.size() + lists.spans.size()) * 4;
    memory.picture_bytes = uint64_t(shape.pictures) * picture.channels * picture.side * picture.side * 4;
    return memory;
  }
  LK_ASSIGN(memory.picture_bytes, FrozenTower::memory(model, batch.all_pictures));
  memory.picture_bytes += uint64_t(shape.pictures * picture.visual_tokens()) * picture.tower_hidden * 4;
  return memory;
}

Result<StepReport> Trainer::step(std::span<const Batch> batches, double rate) {
  if (batches.empty()) return invalid("a step needs at least one batch.");
  if (parameters().empty()) return invalid("nothing is to be trained: there are no parameters.");
  StepReport report;
  const double share = 1.0 / double(batches.size());
  for (size_t i = 0; i < batches.size(); ++i) {
    LK_ASSIGN(const TrainingLoss loss,
              impl_->run(batches[i], i == 0 ? Impl::Gradients::fresh : Impl::Gradients::added));
    report.loss.cross_entropy += loss.cross_entropy * share;
    report.loss.aux += loss.aux * share;
  }
  const double t = double(impl_->steps + 1);
  const Adamw& o = impl_->options.optimiser;
  std::array<float, shader::kStepFloats> values{};
  values[shader::kStepRate] = float(rate);
  values[shader::kStepMomentum] = float(1 / (1 - std::pow(o.beta1, t)));
  values[shader::kStepVariance] = float(1 / std::sqrt(1 - std::pow(o.beta2, t)));
  values[shader::kStepGradientScale] = float(share);
  LK_ASSIGN(Plan * update, impl_->update_plan());
  LK_TRY(impl_->put(impl_->step_values, std::as_bytes(std::span(values))));
  LK_ASSIGN(const Ticket ticket, update->submit());
  LK_TRY(impl_->model->device().wait(ticket));
  LK_ASSIGN(const double squares, impl_->number(*update, "squares"));
  report.gradient_norm = std::sqrt(squares) * share;
  ++impl_->steps;
  return report;
}

Result<TrainingLoss> Trainer::evaluate(const Batch& batch) { return impl_->run(batch, Impl::Gradients::none); }

Result<std::vector<float>> Trainer::kept(const Batch& batch, std::string_view name) const {
  const auto pass = impl_->passes.find(shape_of(batch, batch_pictures(batch), false));
  if (pass == impl_->passes.end()) return invalid("no such batch has been evaluated yet.");
  LK_ASSIGN(const Slice slice, pass->second->plan->output(name));
  LK_ASSIGN(const auto bytes, download(impl_->model->device(), slice));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

uint64_t Trainer::steps() const { return impl_->steps; }
uint64_t Trainer::passes() const { return impl_->dropped; }
void Trainer::set_steps(uint64_t steps) { impl_->steps = steps; }
void Trainer::set_passes(uint64_t passes) { impl_->dropped = passes; }
const std::vector<Parameter>& Trainer::parameters() const { return impl_->options.parameters; }

std::vector<const Plan*> Trainer::plans() const {
  std::vector<const Plan*> plans;
  for (const auto& [shape, pass] : impl_->passes) plans.push_back(pass->plan.get());
  if (impl_->update) plans.push_back(impl_->update.get());
  return plans;
}

Result<std::vector<float>> Trainer::read(const std::string& state) const {
  return impl_->memory.read(impl_->model->device(), state);
}

Status Trainer::write(const std::string& state, std::span<const float> values) {
  return impl_->memory.write(impl_->model->device(), state, values);
}

}  // namespace lorikeet
