// An op that only fuse() writes: all that comes before the experts of one row.
#pragma once

#include "runtime/graph/graph.h"

namespace lorikeet {

struct DeviceProfile;

// x = rms_norm(h); weights = route(router x (+ bias)); list = sort_rows(weights).   h (1, columns), router (experts,
// columns) f32
struct RouteRow {
  Tensor h, norm, router, bias;
  double eps = 0;
  int64_t most = 0;  // as of sort_rows
};
struct RoutedRow {
  Tensor x;        // (1, columns)
  Tensor weights;  // (1, experts)
  Tensor list;
};
bool can_route_row(const Graph& graph, const Tensor& h, const Tensor& router, const DeviceProfile& profile);
// `policy`: the attributes of a route node.
RoutedRow route_row(Graph& g, const RouteRow& parts, const Attributes& policy);

}  // namespace lorikeet
