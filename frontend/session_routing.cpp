#include <algorithm>

#include "frontend/session_impl.h"

namespace lorikeet {

// Everything is gathered in one place first, so that a run costs two submissions however many routers there are.
Result<SessionState::RoutedRun> SessionState::routed(const Plan& plan, int64_t rows) {
  std::vector<SliceCopy> copies;
  uint64_t bytes = 0;
  const auto gather = [&](const std::string& name, uint64_t columns) -> Status {
    LK_ASSIGN(Slice slice, plan.output(name));
    slice.size = uint64_t(rows) * columns * 4;
    copies.push_back({slice, {nullptr, bytes, slice.size}});
    bytes += slice.size;
    return Done{};
  };
  const auto& factor = model_->config().factor;
  const uint32_t own = factor ? model_->config().layers : 0;
  for (uint32_t layer = 0; layer < own; ++layer)
    for (const char* part : {".weights", ".scores"}) LK_TRY(gather(join("blk.", layer, part), factor->experts));
  for (size_t adapter = 0; adapter < options_.adapters.size(); ++adapter) {
    const auto& routers = options_.adapters[adapter].adapter->tensors.routers;
    for (size_t router = 0; router < routers.size(); ++router) {
      LK_TRY(gather(join(adapter_name(adapter), ".weights.", router), routers[router].experts));
      LK_TRY(gather(join(adapter_name(adapter), ".entropy.", router), 1));
    }
  }
  RoutedRun run;
  if (bytes == 0) return run;
  if (!routed_ || routed_->size() < bytes) LK_TRY(make(routed_, bytes, MemoryUse::device, "routed"));
  for (SliceCopy& copy : copies) copy.to.buffer = routed_.get();
  LK_TRY(copy_slices(model_->device(), copies));
  LK_ASSIGN(run.bytes, download(model_->device(), {routed_.get(), 0, bytes}));
  const auto values = [&](const SliceCopy& copy) {
    return std::span(reinterpret_cast<const float*>(run.bytes.data() + copy.to.offset), size_t(copy.to.size / 4));
  };
  size_t next = 0;
  for (uint32_t layer = 0; layer < own; ++layer, next += 2)
    run.routers.push_back({.adapter = RoutedRows::kModel,
                           .router = layer,
                           .rows = size_t(rows),
                           .weights = values(copies[next]),
                           .scores = values(copies[next + 1])});
  for (uint32_t adapter = 0; adapter < options_.adapters.size(); ++adapter) {
    const size_t routers = options_.adapters[adapter].adapter->tensors.routers.size();
    for (uint32_t router = 0; router < routers; ++router, next += 2)
      run.routers.push_back({.adapter = adapter,
                             .router = router,
                             .rows = size_t(rows),
                             .weights = values(copies[next]),
                             .entropy = values(copies[next + 1])});
  }
  return run;
}

// Hands out what the run of these rows did, before they are noted as read. What a session reads again, after the device
// was lost or to go on from a token, was handed out already.
Status Session::Impl::observe(const Plan& plan, std::span<const Piece> pieces) {
  if (!options.on_routed) return Done{};
  const auto routed = [&](const Conversation& c) { return c.adapters != 0 || model->config().factor; };
  int64_t rows = 0, wanted = 0;  // up to the last row that is new
  for (const auto& [slot, count] : pieces) {
    rows += count;
    const Conversation& conversation = conversations[slot];
    if (routed(conversation) && conversation.cached + count > conversation.observed) wanted = rows;
  }
  if (wanted == 0) return Done{};
  LK_ASSIGN(const SessionState::RoutedRun run, state->routed(plan, wanted));
  int64_t row = 0;
  for (const auto& [slot, count] : pieces) {
    Conversation& conversation = conversations[slot];
    const int64_t known = std::clamp<int64_t>(conversation.observed - conversation.cached, 0, count);
    const size_t first = size_t(row + known), fresh = size_t(count - known);
    row += count;
    if (fresh == 0 || !routed(conversation)) continue;
    conversation.observed = conversation.cached + count;
    for (RoutedRows router : run.routers) {
      if (router.adapter != RoutedRows::kModel && !(conversation.adapters >> router.adapter & 1)) continue;
      const size_t experts = router.weights.size() / router.rows;
      router.slot = slot;
      router.first = conversation.cached + known;
      router.rows = fresh;
      router.weights = router.weights.subspan(first * experts, fresh * experts);
      if (!router.entropy.empty()) router.entropy = router.entropy.subspan(first, fresh);
      if (!router.scores.empty()) router.scores = router.scores.subspan(first * experts, fresh * experts);
      options.on_routed(router);
    }
  }
  return Done{};
}

}  // namespace lorikeet
