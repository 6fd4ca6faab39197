// Internal. What the ops on stacks of plain f32 matrices share.
#pragma once

#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"
#include "runtime/ops/work_list.h"
#include "shaders/expert_gemm.h"

namespace lorikeet {

// The numbers of a work list that the kernels need; m, n, k and scale are the caller's.
shader::ExpertGemmParams expert_gemm_params(const Graph& graph, const Node& sort_rows, const DeviceProfile& profile);

// The sort_rows node of a list; keeps a sentence in the graph and is null if there is none, or if x, which is there,
// does not have a row for each row (gather) or pair.
const Node* expert_list(Graph& g, std::string_view op, const Tensor& list, const Tensor& x, bool gather);

// Workgroups of expert_gemm along the tiles, of which each takes every so many: as many as there may be tiles, fewer
// where groups without a tile cost as much as others.
int64_t tile_groups(const DeviceProfile& profile, int64_t tiles, int64_t groups_x);

// The variant of a kernel that reads the node's stack, whose sums have k terms.
std::string_view stack_form(const Node& node, int64_t k);

// A stack of plain matrices: (experts, rows, columns).
Status expect_stack(const Tensor& stack, int64_t experts);

}  // namespace lorikeet
