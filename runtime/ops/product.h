// Internal. What the lowerings of matmul and expert_matmul share: how the product kernels cut the work on a device.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "runtime/base/device_profile.h"
#include "runtime/graph/op.h"

namespace lorikeet {

// Specialisation constants of the product kernels (shaders/common/product.glsl).
enum ProductConstant : uint32_t {
  kLanes = 0,
  kSlices = 1,
  kRowsPerLane = 2,
  kGated = 3,
  kHasBias = 4,
  kHasResidual = 5,
  kTokens = 6,
  kNorm = 7,
  kMatrixM = 8,
  kMatrixN = 9,
  kMatrixK = 10,
  kGrouped = 11,
  kGather = 12
};

// Some drivers silently end an invocation's loops after 65,535 turns; the plain kernel takes 32 columns a turn, twice
// when gated.
constexpr int64_t kMaxColumns = 1'000'000;
constexpr int64_t kMaxTileColumns = 300'000;  // at most 6 turns are counted a block of 32

struct ProductCut {
  std::string_view form;  // of the kernel: "any", "fixed" or "broadcast"
  uint32_t lanes = 64;    // of a workgroup along the rows of the weight
  uint32_t rows = 1;      // of the weight that a lane owns; even when gated
  uint32_t slices = 1;    // lanes that share a row along the columns
  uint32_t tokens = 1;    // of a workgroup

  uint32_t outputs(bool gated) const { return lanes * (gated ? rows / 2 : rows); }  // of a workgroup
};

ProductCut vec_cut(const DeviceProfile& profile, int64_t outputs, bool gated);  // one row of x
ProductCut tile_cut(const DeviceProfile& profile);  // with the most tokens that a tile takes

// Lanes of a group along rows, in kernels that cut as tiles do.
uint32_t tile_lanes(const DeviceProfile& profile);

constexpr int64_t kBusyLanes = 32768;  // keep a large GPU busy

// How kernels with few outputs fill a GPU (shaders/common/slices.glsl): a workgroup has `lanes` columns and `slices`
// lanes for each. `rows`: workgroups for the same columns; `terms`: of a sum; `sums`: of a lane. One slice where
// outputs are enough.
struct SliceCut {
  uint32_t lanes = 1, slices = 1;
};
constexpr uint32_t kSliceCount = 8;  // constant_id
SliceCut slice_cut(const DeviceProfile& profile, int64_t columns, int64_t rows, int64_t terms, uint32_t sums);
// Adds a choice that slices: the first one on GPUs. The last one on software devices, which have no use for it but in
// tests.
void add_sliced(const DeviceProfile& profile, Choice choice, Choices& choices);
// Groups of `lanes` lanes that fit into a workgroup.
uint32_t slices_of(const DeviceProfile& profile, uint32_t lanes);
// A number of workgroups over y and z.
std::pair<uint32_t, uint32_t> spread_yz(int64_t groups);

}  // namespace lorikeet
