// What rope and rope_kv share.
#pragma once

#include "runtime/ops/support.h"

namespace lorikeet {

// Lanes that share the heads of one pair of elements: few, so that one computed angle serves several heads; all where
// the rows alone would leave a GPU idle.
inline int64_t rope_streams(const DeviceProfile& profile, int64_t rows, int64_t heads) {
  if (profile.kind == DeviceKind::cpu && rows >= 16) return 1;
  return profile.kind != DeviceKind::cpu && rows <= 8 ? heads : (heads + 3) / 4;
}

inline Status expect_rotary(int64_t heads, int64_t head_dim) {
  if (heads < 1 || heads > 65535) return invalid(join("heads must be 1 to 65535, ", heads, " were given."));
  if (head_dim < 2 || head_dim % 2 || head_dim > 65534)
    return invalid(join("head_dim must be even, ", head_dim, " was given."));
  return Done{};
}

}  // namespace lorikeet
