// Params of route: a routing policy as data, see RoutingPolicy in runtime/ops/ops.h.
#ifndef LORIKEET_SHADERS_ROUTE_H
#define LORIKEET_SHADERS_ROUTE_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
const uint kMaxRoutedExperts = 1024u;
const uint kEntropyNone = 0u;
const uint kEntropyTsallis = 1u;
const uint kEntropyRenyi = 2u;

struct RoutePolicy {
  uint experts;
  uint top_k;         // at most so many; the number of experts: no limit
  uint keep_k;        // at least so many
  float top_p;        // their probabilities together; 2: no limit
  uint crossing;      // 1: the expert that crosses top_p is in
  float min_weight;   // probability of an expert at least
  uint equal;         // 1: the weight of the chosen is 1 instead of their probability
  uint renormalise;   // 1: the weights sum up to 1
  float scale;        // of all weights
  uint entropy_kind;
  float entropy_index;
  float entropy_eps;
  float entropy_largest;  // of this number of experts
  float threshold;        // entropy above it: all experts; 2: off
};

struct RouteParams {
  uint rows;
  RoutePolicy policy;
};
LK_PARAMS_END
#endif
