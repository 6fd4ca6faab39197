// Sums over routed rows, and how they are shown.
#include "frontend/router_statistics.h"

#include <nlohmann/json.hpp>

#include "frontend/adapters/adapter_summary.h"
#include "frontend/router_report.h"
#include "tests/support/catch.h"

using namespace lorikeet;
using nlohmann::json;

namespace {

// Two routers of three experts, four rows in two parts.
RouterStatistics example() {
  AdapterTensors tensors;
  tensors.routers = {{.layer = 0, .module = "mlp.gate_proj", .in = 4, .experts = 3},
                     {.layer = 1, .module = "mlp", .in = 4, .experts = 3}};
  RouterStatistics statistics(tensors);
  const std::vector<float> weights = {0.5f, 0.25f, 0, 0, 0.75f, 0, 0.25f, 0.25f, 0.5f}, entropy = {0.5f, 0.25f, 1.0f};
  statistics.add({.router = 0, .weights = std::span(weights).first(6), .entropy = std::span(entropy).first(2)});
  statistics.add({.router = 0, .weights = std::span(weights).last(3), .entropy = std::span(entropy).last(1)});
  statistics.add({.router = 1, .weights = std::span(weights).last(3), .entropy = std::span(entropy).last(1)});
  return statistics;
}

}  // namespace

TEST_CASE("router statistics: entropies, experts at once, shares") {
  const RouterStatistics statistics = example();
  const RouterSums& first = statistics.routers()[0];
  CHECK(first.rows == 3);
  CHECK(first.mean_entropy() == Approx(1.75 / 3));
  CHECK(first.mean_active() == Approx(2.0));
  CHECK(first.active == std::vector<uint64_t>{0, 1, 1, 1});
  CHECK(first.chosen == std::vector<uint64_t>{2, 3, 1});
  CHECK(first.share_of_rows(2) == Approx(1.0 / 3));
  CHECK(first.share_of_weights(0) == Approx(0.75 / 2.5));
  CHECK(first.share_of_weights(0) + first.share_of_weights(1) + first.share_of_weights(2) == Approx(1.0));
  const RouterSums all = statistics.all();
  CHECK(all.rows == 4);
  CHECK(all.active == std::vector<uint64_t>{0, 1, 1, 2});
  CHECK(all.mean_entropy() == Approx(2.75 / 4));
  const RouterStatistics nothing{AdapterTensors{}};
  CHECK(nothing.all().rows == 0);
  CHECK(nothing.all().mean_entropy() == 0);
}

TEST_CASE("router statistics: a table, JSON and a drawing") {
  const RouterStatistics statistics = example();
  const std::string table = router_table(statistics);
  INFO(table);
  for (const char* part : {"all routers: entropy 0.688, 2.25 of 3 experts a row\n", "      3  50.00 % ██",
                           "(75.00 %)\n", "layer  projection     entropy  active  at once", "    0  mlp.gate_proj",
                           "    1  mlp              1.000    3.00  ··█"})
    CHECK(table.find(part) != std::string::npos);
  const json report = json::parse(router_json(statistics).dump());
  CHECK(report["rows"] == 3);
  CHECK(report["routers"].size() == 2);
  CHECK(report["routers"][0]["projection"] == "mlp.gate_proj");
  CHECK(report["routers"][0]["active_histogram"] == json({0, 1, 1, 1}));
  CHECK(report["all"]["share_of_weights"].size() == 3);
  CHECK(report["all"]["active"].get<double>() == Approx(2.25));
  const std::string svg = router_svg(statistics);
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find("1 mlp<") != std::string::npos);
}

TEST_CASE("adapters in words: how each kind chooses") {
  AdapterConfig config{.kind = AdapterKind::dynmole, .experts = 6};
  config.keep_top_k = 2;
  config.top_p = 0.75;
  CHECK(
      policy_text(config) ==
      "the 2 likeliest experts of a row and those within top-p 0.75; all of them where the normalised Tsallis entropy "
      "(index 1.1, eps 1e-05) is above 0.9");
  config.entropy = {.type = EntropySettings::Type::renyi, .threshold = 1};
  config.variant = {.keep_crossing = true, .renormalise = true};
  CHECK(policy_text(config) ==
        "the 2 likeliest experts of a row and those within top-p 0.75 with the one that crosses it, their weights add "
        "up to 1");
  config.kind = AdapterKind::mola;
  config.top_k = 2;
  CHECK(policy_text(config) == "the 2 likeliest experts of a row, their weights add up to 1");
  config.kind = AdapterKind::mixlora_dynamic;
  config.temperature = 0.5;
  CHECK(policy_text(config) ==
        "the likeliest experts of a row within top-p 0.75 and the one that crosses it, weights divided by 0.5");
  config.kind = AdapterKind::loramoe;
  CHECK(policy_text(config) == "all experts");
  config.kind = AdapterKind::lora;
  config.lora = {.r = 4, .alpha = 8, .rslora = true};
  config.target_modules = {"q_proj", "v_proj"};
  CHECK(policy_text(config).empty());
  CHECK(config_summary(config) == "kind: LoRA\nlora: rank 4, alpha 8, scaling 4 (rsLoRA)\ntargets: q_proj, v_proj\n");
}
