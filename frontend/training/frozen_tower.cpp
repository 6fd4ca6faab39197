#include "frontend/training/frozen_tower.h"

#include <algorithm>

#include "frontend/control.h"
#include "frontend/vision.h"
#include "runtime/base/text.h"
#include "runtime/graph/fuse.h"
#include "runtime/plan/upload.h"

namespace lorikeet {
namespace {

constexpr uint64_t kKeptBytes = 256 << 20;

uint64_t feature_bytes(const PictureConfig& p) { return uint64_t(p.visual_tokens()) * p.tower_hidden * 4; }
uint64_t pixel_bytes(const PictureConfig& p) { return uint64_t(p.channels) * p.side * p.side * 4; }

// What the tower will run.
struct Tower {
  ControlTables tables;
  Graph graph;
  Draft drafted;
};
Result<Tower> draft_tower(Model& model) {
  Device& device = model.device();
  ControlTables tables = table_of_picture(model.config().picture->positions());
  Graph graph = build_tower(model.config(), model.weights(), int64_t(tables.words()));
  fuse(graph, device.profile());
  LK_ASSIGN(Draft drafted,
            draft(graph, {.profile = &device.profile(), .table = &model.choices(), .kernels = &model.kernels()}));
  return Tower{std::move(tables), std::move(graph), std::move(drafted)};
}

}  // namespace

struct FrozenTower::Impl {
  struct Known {
    std::string path;
    Buffer features;
  };
  Model* model;
  Uploader uploader;
  Buffer pixels, control, scratch;
  std::unique_ptr<Plan> plan;
  std::list<Known> known = {};  // the last seen first

  uint64_t bytes() const { return feature_bytes(*model->config().picture); }
};

FrozenTower::FrozenTower(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FrozenTower::FrozenTower(FrozenTower&&) noexcept = default;
FrozenTower& FrozenTower::operator=(FrozenTower&&) noexcept = default;
FrozenTower::~FrozenTower() = default;

Result<FrozenTower> FrozenTower::create(Model& model) {
  Device& device = model.device();
  LK_ASSIGN(Tower tower, draft_tower(model));
  const auto& [tables, graph, drafted] = tower;
  const uint64_t pixel_size = pixel_bytes(*model.config().picture);
  LK_ASSIGN(Uploader uploader, Uploader::create(device, std::max<uint64_t>(pixel_size, tables.words() * 4), 2));
  LK_ASSIGN(Buffer pixels, device.create_buffer({pixel_size, MemoryUse::device, "pixels"}));
  LK_ASSIGN(Buffer control, device.create_buffer({tables.words() * 4, MemoryUse::device, "control"}));
  LK_ASSIGN(Buffer scratch,
            device.create_buffer({std::max<uint64_t>(drafted.scratch_bytes, 256), MemoryUse::device, "tower scratch"}));
  std::unique_ptr<Impl> impl(
      new Impl{&model, std::move(uploader), std::move(pixels), std::move(control), std::move(scratch), nullptr});
  LK_TRY(impl->uploader.write({&impl->control, 0, impl->control.size()}, std::as_bytes(std::span(tables.table()))));
  const PlanRequest request{"tower",
                            [&](const GraphTensor& info) -> Result<std::vector<Slice>> {
                              if (info.kind == TensorKind::weight) return model.storage(info);
                              const Buffer& buffer = info.name == "pixels" ? impl->pixels : impl->control;
                              return std::vector<Slice>{{&buffer, 0, buffer.size()}};
                            },
                            {&impl->scratch, 0, impl->scratch.size()}};
  LK_ASSIGN(Plan plan, Plan::create(device, model.kernels(), graph, std::move(tower.drafted), request));
  impl->plan = std::make_unique<Plan>(std::move(plan));
  return FrozenTower(std::move(impl));
}

Result<uint64_t> FrozenTower::memory(Model& model, int64_t pictures) {
  const PictureConfig& p = *model.config().picture;
  LK_ASSIGN(const Tower tower, draft_tower(model));
  const uint64_t kept = std::min(kKeptBytes, uint64_t(pictures) * feature_bytes(p));
  return pixel_bytes(p) + tower.tables.words() * 4 + tower.drafted.scratch_bytes + kept;
}

Status FrozenTower::see(const std::string& path, const std::function<Result<Pixels>(const std::string&)>& pixels,
                        const Slice& target) {
  Device& device = impl_->model->device();
  auto& known = impl_->known;
  const uint64_t bytes = impl_->bytes();
  const auto found = std::find_if(known.begin(), known.end(), [&](const auto& k) { return k.path == path; });
  if (found != known.end()) {
    known.splice(known.begin(), known, found);
  } else {
    LK_ASSIGN(const Pixels given, pixels(path));
    if (given->size() * 4 != impl_->pixels.size())
      return invalid(join(path, " has ", given->size(), " values, the model sees ", impl_->pixels.size() / 4, "."));
    LK_TRY(impl_->uploader.write({&impl_->pixels, 0, impl_->pixels.size()}, std::as_bytes(std::span(*given))));
    LK_ASSIGN(const Ticket ticket, impl_->plan->submit());
    LK_TRY(device.wait(ticket));
    while (!known.empty() && (known.size() + 1) * bytes > kKeptBytes) known.pop_back();
    LK_ASSIGN(Buffer features, device.create_buffer({bytes, MemoryUse::device, "features"}));
    LK_ASSIGN(const Slice made, impl_->plan->output("features"));
    known.push_front({path, std::move(features)});
    const SliceCopy keep{{made.buffer, made.offset, bytes}, {&known.front().features, 0, bytes}};
    LK_TRY(copy_slices(device, std::span(&keep, 1)));
  }
  const SliceCopy copy{{&known.front().features, 0, bytes}, {target.buffer, target.offset, bytes}};
  return copy_slices(device, std::span(&copy, 1));
}

}  // namespace lorikeet
