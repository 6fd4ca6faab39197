#include "runtime/ops/route_policy.h"

#include <cmath>

namespace lorikeet {
namespace {

constexpr float kOff = 2;  // above every probability and normalised entropy

// Of the uniform distribution; 1 for a single expert, whose entropy is 0.
double largest_entropy(const Attributes& a, int64_t experts) {
  const double q = a.number("entropy_index");
  if (experts == 1) return 1;
  const bool tsallis = a.integer("entropy") == int64_t(shader::kEntropyTsallis);
  return tsallis && q != 1 ? (1 - std::pow(double(experts), 1 - q)) / (q - 1) : std::log(double(experts));
}

}  // namespace

Attributes policy_attributes(const RoutingPolicy& policy) {
  return {{"top_k", policy.top_k},
          {"keep_k", policy.keep_k},
          {"top_p", policy.top_p},
          {"crossing", int64_t(policy.crossing)},
          {"min_weight", policy.min_weight},
          {"equal", int64_t(policy.equal)},
          {"renormalise", int64_t(policy.renormalise)},
          {"scale", policy.scale},
          {"entropy", int64_t(policy.entropy)},
          {"entropy_index", policy.entropy_index},
          {"entropy_eps", policy.entropy_eps},
          {"entropy_threshold", policy.entropy_threshold}};
}

shader::RoutePolicy route_policy(const Attributes& a, int64_t experts) {
  const int64_t top_k = a.integer("top_k");
  const double top_p = a.number("top_p"), threshold = a.number("entropy_threshold");
  return {.experts = uint32_t(experts),
          .top_k = uint32_t(top_k > 0 ? top_k : experts),
          .keep_k = uint32_t(a.integer("keep_k")),
          .top_p = top_p > 0 ? float(top_p) : kOff,
          .crossing = uint32_t(a.integer("crossing")),
          .min_weight = float(a.number("min_weight")),
          .equal = uint32_t(a.integer("equal")),
          .renormalise = uint32_t(a.integer("renormalise")),
          .scale = float(a.number("scale")),
          .entropy_kind = uint32_t(a.integer("entropy")),
          .entropy_index = float(a.number("entropy_index")),
          .entropy_eps = float(a.number("entropy_eps")),
          .entropy_largest = float(largest_entropy(a, experts)),
          .threshold = threshold > 0 && threshold < 1 ? float(threshold) : kOff};
}

}  // namespace lorikeet
