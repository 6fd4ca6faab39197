// What the two norms share.
#pragma once

#include "runtime/ops/support.h"

namespace lorikeet {

// Lanes of the workgroup that does one row of `columns`.
inline uint32_t norm_lanes(const DeviceProfile& profile, int64_t columns) {
  return profile.kind != DeviceKind::cpu && columns >= 1024 ? 256 : 64;
}

inline Status expect_eps(double eps) {
  if (eps >= 0 && eps < 1) return Done{};
  return invalid(join("eps must be 0 to 1, ", eps, " was given."));
}

}  // namespace lorikeet
