#include "frontend/viewer.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "frontend/elapsed.h"
#include "runtime/base/counted.h"
#include "runtime/base/text.h"
#include "runtime/graph/fuse.h"
#include "runtime/plan/upload.h"

namespace lorikeet {
namespace {

constexpr size_t kPicturesKept = 8;
constexpr int64_t kSmallestText = 64;  // rows of the smallest plan for questions; they double

RoutingPolicy with_entropy(RoutingPolicy policy) {
  if (policy.entropy == RoutingPolicy::Entropy::none) policy.entropy = RoutingPolicy::Entropy::tsallis;
  return policy;
}

}  // namespace

struct Viewer::Impl {
  // A plan with the memory that only it uses.
  struct Stage {
    Buffer scratch, control;
    ControlTables tables;
    std::unique_ptr<Plan> plan;
  };
  struct Picture {
    std::vector<float> pixels;  // compared, so that no hash decides what is shown
    Buffer projected;
  };

  Model* model;
  ViewerOptions options;
  Uploader uploader;
  Buffer pixels, projected;
  std::unique_ptr<Stage> vision;
  std::map<int64_t, std::unique_ptr<Stage>> experts;  // by rows of text
  std::list<Picture> pictures;                        // the last seen first

  const PictureConfig& config() const { return *model->config().picture; }
  uint64_t token_bytes() const { return uint64_t(config().visual_tokens()) * model->config().hidden * 4; }

  Result<std::unique_ptr<Stage>> stage(Graph graph, ControlTables tables, const std::string& name);
  Result<std::vector<Slice>> storage(const GraphTensor& info, const Stage& stage);
  Status look(std::span<const float> picture, PictureRouting& routing);
  Status ask(std::span<const int32_t> text, const Slice& target, PictureRouting& routing);
  Result<std::vector<float>> read(const Plan& plan, std::string_view name);
};

Result<std::vector<Slice>> Viewer::Impl::storage(const GraphTensor& info, const Stage& stage) {
  if (info.kind == TensorKind::weight) return model->storage(info);
  const Buffer& buffer = info.name == "pixels" ? pixels : info.name == "projected" ? projected : stage.control;
  return std::vector<Slice>{{&buffer, 0, buffer.size()}};
}

Result<std::unique_ptr<Viewer::Impl::Stage>> Viewer::Impl::stage(Graph graph, ControlTables tables,
                                                                 const std::string& name) {
  Device& device = model->device();
  if (options.fuse) fuse(graph, device.profile());
  LK_ASSIGN(Draft drafted,
            draft(graph, {.profile = &device.profile(), .table = &model->choices(), .kernels = &model->kernels()}));
  LK_ASSIGN(Buffer scratch, device.create_buffer({std::max<uint64_t>(drafted.scratch_bytes, 256), MemoryUse::device,
                                                  name + " scratch"}));
  LK_ASSIGN(Buffer control, device.create_buffer({tables.words() * 4, MemoryUse::device, name + " control"}));
  std::unique_ptr<Stage> made(new Stage{std::move(scratch), std::move(control), std::move(tables), nullptr});
  LK_TRY(uploader.write({&made->control, 0, made->control.size()}, std::as_bytes(std::span(made->tables.table()))));
  const PlanRequest request{name,
                            [&](const GraphTensor& info) { return storage(info, *made); },
                            {&made->scratch, 0, made->scratch.size()},
                            options.progress};
  LK_ASSIGN(Plan plan, Plan::create(device, model->kernels(), graph, std::move(drafted), request));
  made->plan = std::make_unique<Plan>(std::move(plan));
  return made;
}

// The projected tokens of the picture are in `projected` afterwards.
Status Viewer::Impl::look(std::span<const float> picture, PictureRouting& routing) {
  const auto known = std::find_if(pictures.begin(), pictures.end(), [&](const Picture& seen) {
    return std::memcmp(seen.pixels.data(), picture.data(), picture.size_bytes()) == 0;
  });
  const Slice whole{&projected, 0, token_bytes()};
  if (known != pictures.end()) {
    pictures.splice(pictures.begin(), pictures, known);
    const SliceCopy copy{{&known->projected, 0, token_bytes()}, whole};
    const auto start = std::chrono::steady_clock::now();
    LK_TRY(copy_slices(model->device(), std::span(&copy, 1)));
    routing.reused = true;
    routing.vision_ms = milliseconds_since(start);
    return Done{};
  }
  if (!vision) {
    ControlTables tables = table_of_picture(config().positions());
    const int64_t words = int64_t(tables.words());
    LK_ASSIGN(vision, stage(build_vision(model->config(), model->weights(), words), std::move(tables), "vision"));
  }
  const auto start = std::chrono::steady_clock::now();
  LK_TRY(uploader.write({&pixels, 0, picture.size_bytes()}, std::as_bytes(picture)));
  LK_ASSIGN(const Ticket ticket, vision->plan->submit());
  LK_TRY(model->device().wait(ticket));
  routing.vision_ms = milliseconds_since(start);
  LK_ASSIGN(const Slice made, vision->plan->output("projected"));
  if (pictures.size() >= kPicturesKept) pictures.pop_back();
  LK_ASSIGN(Buffer kept, model->device().create_buffer({token_bytes(), MemoryUse::device, "picture"}));
  pictures.push_front({{picture.begin(), picture.end()}, std::move(kept)});
  const SliceCopy copies[] = {{made, whole}, {made, {&pictures.front().projected, 0, token_bytes()}}};
  return copy_slices(model->device(), copies);
}

Result<std::vector<float>> Viewer::Impl::read(const Plan& plan, std::string_view name) {
  LK_ASSIGN(const Slice slice, plan.output(name));
  LK_ASSIGN(const auto bytes, download(model->device(), slice));
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

Status Viewer::Impl::ask(std::span<const int32_t> text, const Slice& target, PictureRouting& routing) {
  if (!config().use_experts) {
    const SliceCopy copy{{&projected, 0, token_bytes()}, target};
    return copy_slices(model->device(), std::span(&copy, 1));
  }
  int64_t rung = kSmallestText;
  while (rung < int64_t(text.size())) rung *= 2;
  std::unique_ptr<Stage>& asked = experts[rung];
  if (!asked) {
    ControlTables tables = table_of_run(rung);
    const VisualExpertsShape shape{rung, int64_t(tables.words()), with_entropy(options.policy)};
    LK_ASSIGN(asked, stage(build_visual_experts(model->config(), model->weights(), shape), std::move(tables),
                           join("experts ", rung)));
  }
  const auto start = std::chrono::steady_clock::now();
  std::vector<shader::Row> rows;
  for (size_t i = 0; i < text.size(); ++i) rows.push_back({0, uint32_t(i), uint32_t(text[i]), 0});
  asked->tables.set_rows(rows, {}, uint32_t(rung));
  LK_TRY(asked->tables.upload_rows(uploader, {&asked->control, 0, asked->control.size()}));
  LK_ASSIGN(const Ticket ticket, asked->plan->submit());
  LK_TRY(model->device().wait(ticket));
  routing.experts_ms = milliseconds_since(start);
  LK_ASSIGN(const Slice visual, asked->plan->output("visual"));
  const SliceCopy copy{{visual.buffer, visual.offset, token_bytes()}, target};
  LK_TRY(copy_slices(model->device(), std::span(&copy, 1)));
  LK_ASSIGN(routing.attention, read(*asked->plan, "attention"));
  routing.attention.resize(text.size());
  LK_ASSIGN(routing.probabilities, read(*asked->plan, "probabilities"));
  LK_ASSIGN(routing.weights, read(*asked->plan, "weights"));
  LK_ASSIGN(const std::vector<float> entropy, read(*asked->plan, "entropy"));
  routing.entropy = entropy.front();
  const auto working = std::count_if(routing.weights.begin(), routing.weights.end(), [](float w) { return w != 0; });
  for (float weight : routing.weights)
    routing.expert_ms.push_back(weight != 0 ? routing.experts_ms / double(working) : 0);
  return Done{};
}

Result<const PictureConfig*> need_picture(const Model& model) {
  if (model.config().picture) return &*model.config().picture;
  return invalid(join(model.checkpoint().path().string(), " is a model for text alone: it cannot see pictures."));
}

Result<Pixels> see_pixels(const Model& model, const Picture& picture) {
  LK_ASSIGN(const PictureConfig* config, need_picture(model));
  LK_ASSIGN(std::vector<float> pixels, pixel_values(picture, config->preprocess));
  return std::make_shared<const std::vector<float>>(std::move(pixels));
}

Viewer::Viewer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Viewer::Viewer(Viewer&&) noexcept = default;
Viewer& Viewer::operator=(Viewer&&) noexcept = default;
Viewer::~Viewer() = default;

Result<Viewer> Viewer::create(Model& model, const ViewerOptions& options) {
  LK_ASSIGN(const PictureConfig* sees, need_picture(model));
  const PictureConfig& config = *sees;
  Device& device = model.device();
  const uint64_t pixel_bytes = uint64_t(config.channels) * config.side * config.side * 4,
                 token_bytes = uint64_t(config.visual_tokens()) * model.config().hidden * 4;
  LK_ASSIGN(Uploader uploader, Uploader::create(device, std::max<uint64_t>(pixel_bytes, 1 << 20), 2));
  LK_ASSIGN(Buffer pixels, device.create_buffer({pixel_bytes, MemoryUse::device, "pixels"}));
  LK_ASSIGN(Buffer projected, device.create_buffer({token_bytes, MemoryUse::device, "projected"}));
  std::unique_ptr<Impl> impl(
      new Impl{&model, options, std::move(uploader), std::move(pixels), std::move(projected), {}, {}, {}});
  return Viewer(std::move(impl));
}

Result<PictureRouting> Viewer::see(std::span<const float> pixels, std::span<const int32_t> text, const Slice& target) {
  const PictureConfig& config = impl_->config();
  if (pixels.size() != size_t(config.channels) * config.side * config.side)
    return invalid(join("the picture has ", counted(pixels.size(), "value"), ", the model sees ", config.channels,
                        " x ", config.side, " x ", config.side, "."));
  if (text.empty()) return invalid("a question about a picture needs at least one token of text.");
  PictureRouting routing;
  routing.text.assign(text.begin(), text.end());
  LK_TRY(impl_->look(pixels, routing));
  LK_TRY(impl_->ask(text, target, routing));
  return routing;
}

Result<uint64_t> Viewer::scratch_bytes(const DecoderConfig& config, const WeightTable& weights,
                                       const DraftRequest& request, const ViewerOptions& options, int64_t text_rows) {
  const auto bytes_of = [&](Graph graph) -> Result<uint64_t> {
    if (options.fuse) fuse(graph, *request.profile);
    LK_ASSIGN(const Draft drafted, draft(graph, request));
    return drafted.scratch_bytes;
  };
  constexpr int64_t kControlWords = 64;  // no matter how many
  LK_ASSIGN(const uint64_t vision, bytes_of(build_vision(config, weights, kControlWords)));
  if (!config.picture->use_experts) return vision;
  const VisualExpertsShape shape{text_rows, kControlWords, with_entropy(options.policy)};
  LK_ASSIGN(const uint64_t experts, bytes_of(build_visual_experts(config, weights, shape)));
  return vision + experts;
}

}  // namespace lorikeet
