#include "frontend/plan_ladder.h"

#include <algorithm>
#include <iterator>

#include "runtime/base/text.h"
#include "runtime/graph/fuse.h"

namespace lorikeet {

int64_t rung_for(int64_t rows) {
  return *std::find_if(std::begin(kRungs), std::end(kRungs) - 1, [&](int64_t rung) { return rung >= rows; });
}

int64_t rung_to_read(int64_t left) {
  const int64_t upper = rung_for(left);
  if (left > upper / 2) return upper;
  return *(std::lower_bound(std::begin(kRungs), std::end(kRungs), upper) - 1);
}

PlanLadder::PlanLadder(Model& model, SessionSizes sizes, StorageOf storage, LadderOptions options)
    : model_(&model), sizes_(sizes), storage_(std::move(storage)), options_(std::move(options)) {}

Graph PlanLadder::make_graph(int64_t rows, Head head) const {
  const DecoderShape shape{.rows = rows,
                           .head = head,
                           .wanted = head == Head::none ? 0 : rows,
                           .sizes = sizes_,
                           .adapters = options_.adapters,
                           .active = options_.active,
                           .keep_routes = options_.keep_routes};
  Graph graph = build_decoder(model_->config(), model_->weights(), shape);
  if (options_.fuse) fuse(graph, model_->device().profile());
  return graph;
}

Result<Draft> PlanLadder::make_draft(const Graph& graph) {
  return draft(graph, {.profile = &model_->device().profile(),
                       .table = &model_->choices(),
                       .kernels = &model_->kernels(),
                       .reproducible = options_.reproducible});
}

Result<uint64_t> PlanLadder::scratch_bytes(int64_t rows, Head head) {
  LK_ASSIGN(const Draft drafted, make_draft(make_graph(rows, head)));
  return drafted.scratch_bytes;
}

Result<Plan*> PlanLadder::get(int64_t rows, Head head) {
  if (const auto found = plans_.find({rows, head}); found != plans_.end()) return found->second.get();
  const Graph graph = make_graph(rows, head);
  LK_ASSIGN(Draft drafted, make_draft(graph));
  if (!scratch_ || scratch_->size() < drafted.scratch_bytes) {
    plans_.clear();  // they are recorded over the old arena
    scratch_.reset();
    LK_ASSIGN(Buffer arena, model_->device().create_buffer(
                                {std::max<uint64_t>(drafted.scratch_bytes, 256), MemoryUse::device, "scratch"}));
    scratch_ = std::make_unique<Buffer>(std::move(arena));
  }
  static constexpr const char* kHeads[] = {"read", "generate", "logits", "log_prob"};
  const PlanRequest request{join(kHeads[size_t(head)], " ", rows),
                            storage_,
                            {scratch_.get(), 0, scratch_->size()},
                            options_.progress,
                            options_.timestamps};
  LK_ASSIGN(Plan plan, Plan::create(model_->device(), model_->kernels(), graph, std::move(drafted), request));
  return (plans_[{rows, head}] = std::make_unique<Plan>(std::move(plan))).get();
}

void PlanLadder::clear() {
  plans_.clear();
  scratch_.reset();
}

void PlanLadder::resize(const SessionSizes& sizes) {
  clear();
  sizes_ = sizes;
}

}  // namespace lorikeet
