// Internal. A routing policy on its way from the graph to the shaders (shaders/common/route.glsl): shared by the ops
// that route.
#pragma once

#include "runtime/ops/ops.h"
#include "shaders/route.h"

namespace lorikeet {

Attributes policy_attributes(const RoutingPolicy& policy);
shader::RoutePolicy route_policy(const Attributes& attributes, int64_t experts);

}  // namespace lorikeet
