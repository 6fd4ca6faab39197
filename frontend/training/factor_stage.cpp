#include "frontend/training/factor_stage.h"

namespace lorikeet {

std::string_view name(FactorStage stage) { return stage == FactorStage::routers ? "routers" : "experts"; }

RunOptions stage_options(FactorStage stage) {
  const bool routers = stage == FactorStage::routers;
  RunOptions options;
  options.weights = {routers ? R"(model\.layers\.\d+\.mlp\.route1\..*)"
                             : R"(model\.layers\.\d+\.mlp\.(gate|up|down)_proj_list\..*)"};
  if (routers) options.routers = RouterLesson{};
  options.optimiser = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 1e-5, .decoupled = false};
  options.schedule = {.shape = Schedule::Shape::cosine, .rate = routers ? 1e-3 : 4e-5};
  options.batches = {.examples = 4};
  options.accumulate = 1;
  options.epochs = 1;
  return options;
}

}  // namespace lorikeet
