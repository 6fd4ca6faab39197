#include "frontend/memory_plan.h"

#include "frontend/decoder.h"
#include "frontend/kv_cache.h"
#include "frontend/plan_ladder.h"
#include "frontend/viewer.h"
#include "runtime/base/text.h"
#include "runtime/graph/fuse.h"
#include "runtime/graph/packing.h"

namespace lorikeet {
namespace {

constexpr int64_t kTypicalQuestion = 256;  // tokens

}  // namespace

Result<MemoryPlan> plan_memory(const DecoderConfig& config, DType matrices, int64_t context, DType kv,
                               const DeviceProfile& profile) {
  if (!unit_layout(matrices).columns) return invalid(join("no kernel reads weights of type ", name(matrices), "."));
  return plan_memory(config, WeightTable::planned(config, matrices), context, kv, profile);
}

Result<MemoryPlan> plan_memory(const DecoderConfig& config, const WeightTable& weights, int64_t context, DType kv,
                               const DeviceProfile& profile) {
  MemoryPlan plan;
  for (const WeightStorage& storage : weights.storages()) {
    const bool experts = storage.name.starts_with("mm.ffn_");
    const bool vision = storage.name.starts_with("v.") || storage.name.starts_with("mm.");
    (experts ? plan.experts : vision ? plan.vision : plan.decoder) += storage.bytes;
  }
  plan.cache = KvCache::bytes(config, kv, context);
  KernelLibrary kernels;
  const DraftRequest request{.profile = &profile, .kernels = &kernels};
  const SessionSizes sizes{.places = context,
                           .kv = kv,
                           .control_words = 64,
                           .kv_limit = context,
                           .visual_rows = config.picture ? config.picture->visual_tokens() : 0};
  Graph reading = build_decoder(config, weights, {.rows = std::min(context, kMaxRows), .sizes = sizes});
  fuse(reading, profile);
  LK_ASSIGN(const Draft drafted, draft(reading, request));
  plan.reading = drafted.scratch_bytes;
  if (config.picture) {
    LK_ASSIGN(plan.picture, Viewer::scratch_bytes(config, weights, request, {}, kTypicalQuestion));
  }
  return plan;
}

}  // namespace lorikeet
