#include "runtime/ops/product.h"

#include <algorithm>
#include <cmath>

namespace lorikeet {
namespace {

// Lanes of a group on a software device: a subgroup, because lanes beyond it bring nothing.
uint32_t software_lanes(const DeviceProfile& profile) { return std::clamp<uint32_t>(profile.subgroup_size, 8, 64); }

bool old_lavapipe(const DeviceProfile& profile) {
  constexpr uint32_t kVulkan14 = (1u << 22) | (4u << 12);
  return profile.api_version < kVulkan14;
}

// How the kernels run on this device: see the forms in shaders/matmul_tile.comp.
std::string_view software_form(const DeviceProfile& profile) {
  if (profile.subgroup_size < 8) return "fixed";  // SwiftShader
  return profile.subgroup_arithmetic && !old_lavapipe(profile) ? "broadcast" : "any";
}

// Rows a lane for about 64 rows a group, so that two cores, or any even number of them, end together.
uint32_t even_rows(int64_t outputs, bool gated, uint32_t lanes) {
  const uint32_t usual = std::max<uint32_t>(64 / lanes, 2);
  uint32_t best = usual;
  double least = INFINITY;
  for (const uint32_t rows : {usual, usual + 1, usual + 2, usual - 2}) {
    if (rows < 2 || (gated && rows % 2)) continue;
    const int64_t group_rows = int64_t(lanes) * (gated ? rows / 2 : rows);
    const double worked = double((outputs + 2 * group_rows - 1) / (2 * group_rows) * 2 * group_rows);
    if (worked < least) least = worked, best = rows;
  }
  return best;
}

}  // namespace

// Software devices: about 64 rows a group, all columns in one lane. GPUs: one row a lane, and the columns cut among the
// lanes of a group, because few rows alone cannot fill one.
ProductCut vec_cut(const DeviceProfile& profile, int64_t outputs, bool gated) {
  if (profile.kind == DeviceKind::cpu) {
    const std::string_view form = software_form(profile);
    const uint32_t lanes = software_lanes(profile);
    return {.form = form, .lanes = lanes, .rows = form == "fixed" ? 12 : even_rows(outputs, gated, lanes)};
  }
  const uint32_t lanes = std::clamp<uint32_t>(profile.subgroup_size, 32, 64);
  return {.form = "any", .lanes = lanes, .rows = gated ? 2u : 1u, .slices = slices_of(profile, lanes)};
}

// Tiles of 4 rows x 8 tokens keep every known GPU's compiler within its registers; software devices keep sums in memory
// anyway and prefer larger ones.
ProductCut tile_cut(const DeviceProfile& profile) {
  const bool software = profile.kind == DeviceKind::cpu;
  const std::string_view form = software ? software_form(profile) : "any";
  return {
      .form = form, .lanes = tile_lanes(profile), .rows = software ? 8u : 4u, .tokens = form == "broadcast" ? 16u : 8u};
}

uint32_t tile_lanes(const DeviceProfile& profile) {
  return profile.kind == DeviceKind::cpu ? software_lanes(profile) : 64;
}

SliceCut slice_cut(const DeviceProfile& profile, int64_t columns, int64_t rows, int64_t terms, uint32_t sums) {
  constexpr int64_t kFewest = 8;  // terms of a slice
  constexpr uint32_t kNarrowest = 8, kWidest = 64;
  const uint32_t most = std::min({profile.max_workgroup_lanes, uint32_t(profile.max_shared_bytes / (sums * 4)), 256u});
  SliceCut cut{kNarrowest, 1};
  while (cut.lanes < kWidest && cut.lanes < columns) cut.lanes *= 2;
  const int64_t lanes = (columns + cut.lanes - 1) / cut.lanes * cut.lanes * rows;
  while (lanes * cut.slices < kBusyLanes && terms >= 2 * kFewest * cut.slices) {
    if (cut.lanes * cut.slices * 2 > most) {
      if (cut.lanes == kNarrowest) break;
      cut.lanes /= 2;
    }
    cut.slices *= 2;
  }
  return cut;
}

void add_sliced(const DeviceProfile& profile, Choice choice, Choices& choices) {
  choice.name = "sliced";
  choice.pinned_order = false;
  choices.insert(profile.kind == DeviceKind::cpu ? choices.end() : choices.begin(), std::move(choice));
}

uint32_t slices_of(const DeviceProfile& profile, uint32_t lanes) {
  return std::max<uint32_t>(std::min<uint32_t>(profile.max_workgroup_lanes, 256) / lanes, 1);
}

std::pair<uint32_t, uint32_t> spread_yz(int64_t groups) {
  constexpr int64_t kMostY = 32768;
  return {uint32_t(std::min(groups, kMostY)), uint32_t((groups + kMostY - 1) / kMostY)};
}

}  // namespace lorikeet
