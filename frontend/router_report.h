// How the routers of an adapter routed texts, for people and programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "frontend/router_statistics.h"

namespace lorikeet {

// Bars for a terminal: all routers together, then a line for each.
std::string router_table(const RouterStatistics& statistics);
// {"rows": n, "all": SUMS, "routers": [SUMS with "layer" and "projection"]}, SUMS = {"entropy": mean, "active": mean,
//  "active_histogram": [rows with 0, 1, ... experts], "share_of_weights": [...], "share_of_rows": [...]}
nlohmann::ordered_json router_json(const RouterStatistics& statistics);
// A drawing with a line for each router.
std::string router_svg(const RouterStatistics& statistics);

}  // namespace lorikeet
