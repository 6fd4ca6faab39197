// What the two norms share.
#pragma once

#include <algorithm>

#include "runtime/ops/support.h"

namespace lorikeet {

// Lanes of the workgroup that does one row of `columns`. On a processor's cores lanes beyond a subgroup only cost
// barriers, but few lanes take many loop turns, and some drivers end loops after 65,535.
inline uint32_t norm_lanes(const DeviceProfile& profile, int64_t columns) {
  if (profile.kind == DeviceKind::cpu && columns <= 65536)
    return std::clamp<uint32_t>(profile.subgroup_size, 8, 64) / 8 * 8;
  return profile.kind != DeviceKind::cpu && columns >= 1024 ? 256 : 64;
}

inline Status expect_eps(double eps) {
  if (eps >= 0 && eps < 1) return Done{};
  return invalid(join("eps must be 0 to 1, ", eps, " was given."));
}

}  // namespace lorikeet
